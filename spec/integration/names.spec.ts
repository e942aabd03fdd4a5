import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCassandraReadable, createCassandraWritable } from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const keyspace = useKeyspace('names')
const { client, target } = keyspace

/** Any text as a quoted name in CQL. */
const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`

const sentinel = [1, 2, 3].map(id => ({ id, v: `kept ${id}` }))

beforeAll(async () => {
  await client.execute(`CREATE TABLE ${keyspace.name}.sentinel (id int PRIMARY KEY, v text)`)
  await pipeline(Readable.from(sentinel), createCassandraWritable({ ...target, table: 'sentinel' }))
})

/** Fails if a statement had any other effect than it should. */
async function expectSentinel(...tables: string[]): Promise<void> {
  const rows = await keyspace.select(`SELECT id, v FROM ${keyspace.name}.sentinel`)
  expect(rows.sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual(sentinel)
  const found = await keyspace.select('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [
    keyspace.name,
  ])
  expect(found.map(row => row['table_name']).sort()).toEqual(['sentinel', ...tables].sort())
}

const hostile = [
  `x"; DROP TABLE ${keyspace.name}.sentinel; --`,
  `x"; TRUNCATE ${keyspace.name}.sentinel; //`,
  `x) VALUES (1); TRUNCATE ${keyspace.name}.sentinel; /*`,
  `"; APPLY BATCH; DROP KEYSPACE ${keyspace.name}; "`,
  `v" = 'x' WHERE id = 1; "`,
  '"',
  '""',
  `"quoted"`,
  "'",
  "''",
  ';',
  ',',
  'a, b',
  'a\nb',
  '\r\n',
  '--',
  '/*',
  '*/',
  '?',
  ':name',
  '(int)?',
  '(',
  ')',
  '$$',
  '\\',
  '\\u0022',
  '%s',
  'a.b',
  '[0]',
  ' ',
  ' key ',
  'key',
  'Key',
  'KEY',
  'select',
  'USING TIMESTAMP 1',
  'ÜBER',
  'ı',
  'İ',
  'é',
  'e\u0301',
  '名前',
  '😀',
  '\u202e',
  '\ufeff',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'x'.repeat(48),
  'X'.repeat(48),
  'Y'.repeat(49),
  '"'.repeat(48),
  'n'.repeat(1000),
]

const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...hostile) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 48 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...`"';,-/*\n?:(){}[]$\\ aA`), minLength: 1 }) },
)

/** Properties of rows that are no columns. */
const controls = ['is_deleted', 'what']

const names = (least: number, most: number) =>
  fc
    .uniqueArray(name, { minLength: least, maxLength: most })
    .filter(all => !controls.some(control => all.includes(control)))

/** Few, because creating a table takes long. */
const numRuns = 25

describe('names that would break out of a statement without quotes', () => {
  it('can be columns and fields of a table, which is written like any other', async () => {
    let tables = 0
    const made: string[] = []
    await fc.assert(
      fc.asyncProperty(
        name,
        names(5, 8),
        names(1, 4),
        fc.string(),
        async (typeName, columns, fields, text) => {
          const number = ++tables
          const [part = '', clustering = '', udt = '', list = '', ...others] = columns
          const table = `t${number}`
          const type = quoted(`${typeName}${number}`)
          await client.execute(
            `CREATE TYPE ${keyspace.name}.${type} (${fields.map(field => `${quoted(field)} text`).join()})`,
          )
          const definitions = [
            ...[part, clustering, ...others].map(column => `${quoted(column)} text`),
            `${quoted(udt)} frozen<${type}>`,
            `${quoted(list)} list<text>`,
            `PRIMARY KEY (${quoted(part)}, ${quoted(clustering)})`,
          ]
          await client.execute(`CREATE TABLE ${keyspace.name}.${table} (${definitions.join()})`)
          made.push(table)
          const value = Object.fromEntries(fields.map((field, i) => [field, `${i} ${text}`]))
          const row = (id: string) =>
            Object.fromEntries<unknown>([
              [part, 'p'],
              [clustering, id],
              [udt, value],
              [list, [text, id]],
              ...others.map(column => [column, `${column} ${id}`] as const),
            ])
          const sink = createCassandraWritable({
            client,
            keyspace: keyspace.name,
            table,
            delete_flag_column: 'is_deleted',
            delete_flag_value: 'yes',
          })
          const rows = ['a', 'b', 'c'].map(id => ({ ...row(id), is_deleted: 'no' }))
          const key = Object.fromEntries([part, clustering].map((column, i) => [column, i === 0 ? 'p' : 'b']))
          await pipeline(Readable.from([...rows, { ...key, is_deleted: 'yes' }]), sink)
          const read = [
            `${quoted(part)} AS part`,
            `${quoted(clustering)} AS id`,
            `${quoted(list)} AS list`,
            ...others.map((column, i) => `${quoted(column)} AS o${i}`),
            ...fields.map((field, i) => `${quoted(udt)}.${quoted(field)} AS f${i}`),
          ]
          const found = await keyspace.select(`SELECT ${read.join()} FROM ${keyspace.name}.${table}`)
          expect(found).toEqual(
            ['a', 'c'].map(id => ({
              part: 'p',
              id,
              list: [text, id],
              ...Object.fromEntries(others.map((column, i) => [`o${i}`, `${column} ${id}`])),
              ...Object.fromEntries(fields.map((_, i) => [`f${i}`, `${i} ${text}`])),
            })),
          )
          await expectSentinel(...made)
        },
      ),
      { numRuns },
    )
    for (const table of made) await client.execute(`DROP TABLE ${keyspace.name}.${table}`)
  })

  it('can be columns and fields of a table with every operation, and of its reader', async () => {
    let tables = 0
    const made: string[] = []
    await fc.assert(
      fc.asyncProperty(
        name,
        names(5, 7),
        names(2, 4),
        fc.string(),
        async (typeName, columns, fields, text) => {
          const number = ++tables
          const [part = '', clustering = '', udt = '', map = '', ...others] = columns
          const [firstField = ''] = fields
          const table = `o${number}`
          const type = quoted(`${typeName} of ${number}`)
          await client.execute(
            `CREATE TYPE ${keyspace.name}.${type} (${fields.map(field => `${quoted(field)} text`).join()})`,
          )
          const definitions = [
            ...[part, clustering, ...others].map(column => `${quoted(column)} text`),
            `${quoted(udt)} ${type}`,
            `${quoted(map)} map<text, text>`,
            `PRIMARY KEY (${quoted(part)}, ${quoted(clustering)})`,
          ]
          await client.execute(`CREATE TABLE ${keyspace.name}.${table} (${definitions.join()})`)
          made.push(table)
          const objectOf = (keys: readonly string[], word: string) =>
            Object.fromEntries(keys.map((key, i) => [key, `${i} ${word} ${text}`] as const))
          const key = (id: string) => [[part, 'p'] as const, [clustering, id] as const]
          const row = (id: string, word: string) =>
            Object.fromEntries<unknown>([
              ...key(id),
              [udt, objectOf(fields, word)],
              [map, { [`${text} ${word}`]: word }],
              ...Object.entries(objectOf(others, word)),
            ])
          const appended = Object.fromEntries<unknown>([
            ...key('c'),
            [udt, objectOf([firstField], 'appended')],
            [map, { [`${text} appended`]: 'appended' }],
          ])
          const sink = createCassandraWritable({
            client,
            keyspace: keyspace.name,
            table,
            operation_column: 'what',
          })
          const rows = [
            ...['a', 'b', 'c'].map(id => ({ ...row(id, 'first'), what: 'insert' })),
            { ...row('b', 'updated'), what: 'update' },
            { ...appended, what: 'append' },
            { ...Object.fromEntries(key('a')), what: 'delete' },
          ]
          await pipeline(Readable.from(rows), sink)
          // Objects as entries, because a comparison of objects may take `__proto__` for their prototype.
          const entriesOf = (value: unknown): unknown =>
            typeof value === 'object' && value !== null
              ? (value instanceof Map ? [...value] : Object.entries(value))
                  .map(([name, part]) => [name, entriesOf(part)])
                  .sort(([one], [other]) => (one < other ? -1 : 1))
              : value
          const expected = [
            row('b', 'updated'),
            Object.fromEntries([
              ...Object.entries(row('c', 'first')),
              [
                udt,
                Object.fromEntries([
                  ...Object.entries(objectOf(fields, 'first')),
                  [firstField, `0 appended ${text}`],
                ]),
              ],
              [map, { [`${text} first`]: 'first', [`${text} appended`]: 'appended' }],
            ]),
          ]
          const read = [
            `${quoted(clustering)} AS id`,
            ...others.map((column, i) => `${quoted(column)} AS o${i}`),
            ...fields.map((field, i) => `${quoted(udt)}.${quoted(field)} AS f${i}`),
          ]
          const found = await keyspace.select(`SELECT ${read.join()} FROM ${keyspace.name}.${table}`)
          const fieldsOf = (row: Record<string, unknown>) =>
            Object.fromEntries(Object.entries(row[udt] as object))
          expect(found).toEqual(
            expected.map(row => ({
              id: row[clustering],
              ...Object.fromEntries(others.map((column, i) => [`o${i}`, row[column]])),
              ...Object.fromEntries(fields.map((field, i) => [`f${i}`, fieldsOf(row)[field]])),
            })),
          )
          const source = { client, keyspace: keyspace.name, table }
          for (const options of [
            source,
            { ...source, columns },
            { ...source, columns, where: `${quoted(part)} = ?`, params: ['p'] },
          ]) {
            const rows: unknown[] = await createCassandraReadable(options).toArray()
            expect(rows.map(entriesOf)).toEqual(expected.map(entriesOf))
          }
          await expectSentinel(...made)
        },
      ),
      { numRuns: Math.ceil(numRuns / 2) },
    )
    for (const table of made) await client.execute(`DROP TABLE ${keyspace.name}.${table}`)
  })

  it('as a keyspace, a table or a property of a row are found or not found, and nothing else happens', async () => {
    await fc.assert(
      fc.asyncProperty(name, fc.constantFrom('keyspace', 'table', 'property'), async (text, place) => {
        const at = { client, keyspace: keyspace.name, table: 'sentinel' }
        const options = place === 'property' ? at : { ...at, [place]: text }
        const row = Object.fromEntries<unknown>([
          ['id', 1],
          ['v', 'overwritten'],
          ...(place === 'property' ? [[text, 'x'] as const] : []),
        ])
        const load = async () => pipeline(Readable.from([row]), createCassandraWritable(options))
        const error = await load().then(
          () => undefined,
          (error: unknown) => error,
        )
        expect(error).toMatchObject({
          code: expect.stringMatching(
            /^ERR_CASSANDRA_(KEYSPACE_NOT_FOUND|TABLE_NOT_FOUND|COLUMN_UNKNOWN|OPTION)$/,
          ),
        })
        await expectSentinel()
      }),
      { numRuns: 3 * numRuns },
    )
  })
})

describe('names that differ only by case', () => {
  it('and have 48 characters belong to different keyspaces and tables', async () => {
    const end = randomBytes(4).toString('hex')
    const lower = `case_${end}_`.padEnd(48, 'x')
    const upper = `Case_${end}_`.padEnd(48, 'X')
    const replication = `replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`
    for (const ks of [lower, upper]) {
      await client.execute(`CREATE KEYSPACE ${quoted(ks)} WITH ${replication}`)
      for (const table of [lower, upper]) {
        await client.execute(`CREATE TABLE ${quoted(ks)}.${quoted(table)} (id int PRIMARY KEY, "ID" int)`)
      }
    }
    try {
      const sink = createCassandraWritable({ ...target, keyspace: upper, table: upper })
      await pipeline(Readable.from([{ id: 1, ID: 2 }]), sink)
      for (const ks of [lower, upper]) {
        for (const table of [lower, upper]) {
          const rows = await keyspace.select(`SELECT id, "ID" FROM ${quoted(ks)}.${quoted(table)}`)
          expect(rows).toEqual(ks === upper && table === upper ? [{ id: 1, ID: 2 }] : [])
        }
      }
    } finally {
      for (const ks of [lower, upper]) await client.execute(`DROP KEYSPACE ${quoted(ks)}`)
    }
  })
})
