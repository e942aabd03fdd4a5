import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type CassandraReadableOptions,
  countRows,
  createCassandraReadable,
  createCassandraWritable,
} from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('read_tables_spec')

const ROWS = 3_000
const CITIES = 40

type Row = Record<string, unknown>

const rowOf = (id: number) => ({
  id,
  city: `city ${id % CITIES}`,
  age: id % 100,
  tags: new Set([`tag ${id % 30}`, `other ${id % 7}`]),
  marks: [id % 11, id % 5],
  notes: new Map([
    [`key ${id % 9}`, `value ${id % 4}`],
    ['all', `value ${id % 13}`],
  ]),
})
const rows = Array.from({ length: ROWS }, (_, id) => rowOf(id))
const people =
  'id int PRIMARY KEY, city text, age int, tags set<text>, marks list<int>, notes map<text, text>'

const write = (table: string) =>
  pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table }))

const read = (table: string, more: Partial<CassandraReadableOptions> = {}): Promise<Row[]> =>
  createCassandraReadable({ ...ks.target, table, splits: 20, fetch_size: 100, ...more }).toArray()

const idsOf = (found: readonly Row[]) => found.map(({ id }) => Number(id)).sort((a, b) => a - b)
const byId = (found: readonly Row[]) => found.toSorted((a, b) => Number(a['id']) - Number(b['id']))
const idsWhere = (isWanted: (row: (typeof rows)[number]) => boolean) =>
  rows.filter(isWanted).map(({ id }) => id)

describe('a materialized view', () => {
  let view = ''
  const ofServer = () => ks.select(`SELECT id FROM ${ks.name}.${view}`)

  beforeAll(async () => {
    const table = await ks.table(people)
    view = `${table}_view`
    await ks.client.execute(
      `CREATE MATERIALIZED VIEW ${ks.name}.${view} AS SELECT city, id, age, tags FROM ${ks.name}.${table}
         WHERE city IS NOT NULL AND id IS NOT NULL PRIMARY KEY (city, id) WITH CLUSTERING ORDER BY (id DESC)`,
    )
    await write(table)
    // Views follow their tables.
    await vi.waitFor(async () => expect(await ofServer()).toHaveLength(ROWS), { timeout: 60_000 })
  }, 120_000)

  it('is read completely, each row once', async () => {
    const wanted = rows.map(({ id, city, age, tags }) => ({ id, city, age, tags }))
    expect(byId(await read(view))).toEqual(wanted)
    expect(byId(await read(view, { with_times: true, columns: ['age'] })).map(({ age }) => age)).toEqual(
      wanted.map(({ age }) => age),
    )
  })

  it('has positions, after which a reader continues in the order of the view', async () => {
    const wanted = (await ofServer()).map(({ id }) => id)
    const source = createCassandraReadable({ ...ks.target, table: view, after: null, fetch_size: 30 })
    const found: Row[] = []
    for await (const row of source) if (found.push(row) === 1_000) break
    const after = source.positionOf(found.at(-1) as Row)
    const rest = await read(view, { after })
    expect([...found, ...rest].map(({ id }) => id)).toEqual(wanted)
  })

  it('is counted, and its partitions can be named', async () => {
    const counted = await countRows({ ...ks.target, table: view })
    expect([counted.rows, counted.partitions]).toEqual([ROWS, CITIES])
    const ofCity = await read(view, { where: 'city = ?', params: ['city 7'] })
    const wanted = idsWhere(({ city }) => city === 'city 7')
    expect(ofCity.map(({ id }) => id)).toEqual(wanted.toReversed())
  })
})

/** Conditions on columns outside the key, and the rows that match. */
const conditions: readonly (readonly [string, unknown[], (row: (typeof rows)[number]) => boolean])[] = [
  ['city = ?', ['city 3'], ({ city }) => city === 'city 3'],
  ['tags CONTAINS ?', ['tag 5'], ({ tags }) => tags.has('tag 5')],
  ['marks CONTAINS ?', [9], ({ marks }) => marks.includes(9)],
  ['notes CONTAINS KEY ?', ['key 2'], ({ notes }) => notes.has('key 2')],
  ['notes CONTAINS ?', ['value 12'], ({ notes }) => [...notes.values()].includes('value 12')],
  ['notes[?] = ?', ['all', 'value 12'], ({ notes }) => notes.get('all') === 'value 12'],
]

describe.each([
  ['secondary indexes', ''],
  ['storage-attached indexes', `USING 'sai'`],
])('a table with %s', (_, using) => {
  let table = ''
  let byKey = ''

  beforeAll(async () => {
    table = await ks.table(people)
    byKey = await ks.table(people)
    const indexed = ['city', 'age', 'tags', 'marks', 'VALUES(notes)']
    for (const on of indexed) await ks.client.execute(`CREATE INDEX ON ${ks.name}.${table} (${on}) ${using}`)
    for (const on of ['KEYS(notes)', 'ENTRIES(notes)'])
      await ks.client.execute(`CREATE INDEX ON ${ks.name}.${byKey} (${on}) ${using}`)
    await write(table)
    await write(byKey)
  }, 120_000)

  it.each(conditions)('is read by its index: %s', async (where, params, isWanted) => {
    const from = /KEY|\[/.test(where) ? byKey : table
    const wanted = idsWhere(isWanted)
    expect(wanted.length).toBeGreaterThan(0)
    for (const more of [{}, { after: null }, { fetch_size: 3, splits: 1 }])
      expect(idsOf(await read(from, { where, params, ...more }))).toEqual(wanted)
    const counted = await countRows({ ...ks.target, table: from, where, params })
    expect(counted.rows).toBe(wanted.length)
  })

  it('is read by several conditions, and continues after a position', async () => {
    const where = 'city = ? AND age > ?'
    const options = { where, params: ['city 3', 20], allow_filtering: true }
    const wanted = idsWhere(({ city, age }) => city === 'city 3' && age > 20)
    expect(idsOf(await read(table, options))).toEqual(wanted)
    const source = createCassandraReadable({ ...ks.target, table, after: null, fetch_size: 5, ...options })
    const found: Row[] = []
    for await (const row of source) if (found.push(row) === 20) break
    const rest = await read(table, { ...options, after: source.positionOf(found.at(-1) as Row) })
    expect(idsOf([...found, ...rest])).toEqual(wanted)
  })
})

describe('a storage-attached index', () => {
  it('also finds ranges of values, without filtering', async () => {
    const table = await ks.table(people)
    await ks.client.execute(`CREATE INDEX ON ${ks.name}.${table} (age) USING 'sai'`)
    await write(table)
    const wanted = idsWhere(({ age }) => age >= 90 && age < 95)
    for (const more of [{}, { after: null, fetch_size: 7 }]) {
      const found = await read(table, { where: 'age >= ? AND age < ?', params: [90, 95], ...more })
      expect(idsOf(found)).toEqual(wanted)
    }
  })
})

describe('a table without an index', () => {
  let table = ''
  beforeAll(async () => {
    table = await ks.table(people)
    await write(table)
  }, 60_000)

  it.each(conditions)('refuses %s before the first row, and names the option', async (where, params) => {
    const refused = {
      option: 'where',
      code: 'ERR_CASSANDRA_OPTION',
      message: expect.stringContaining('It can be read with the option `allow_filtering`'),
    }
    await expect(read(table, { where, params })).rejects.toMatchObject(refused)
    await expect(countRows({ ...ks.target, table, where, params })).rejects.toMatchObject(refused)
  })

  it.each(conditions)('is read by %s with `allow_filtering`', async (where, params, isWanted) => {
    const found = await read(table, { where, params, allow_filtering: true })
    expect(idsOf(found)).toEqual(idsWhere(isWanted))
  })
})

describe('a table of counters', () => {
  it('is read completely, and each counter has its value', async () => {
    const table = await ks.table('p int, c int, n counter, m counter, PRIMARY KEY (p, c)')
    const edges = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, -1n]
    const wanted = Array.from({ length: 600 }, (_, i) => ({
      p: i % 50,
      c: i,
      n: edges[i] ?? BigInt(i) - 300n,
      m: i % 3 === 0 ? BigInt(i) : null,
    }))
    for (let from = 0; from < wanted.length; from += 50) {
      await Promise.all(
        wanted.slice(from, from + 50).map(({ p, c, n, m }) => {
          const more = m === null ? '' : `, m = m + ${m}`
          return ks.client.execute(
            `UPDATE ${ks.name}.${table} SET n = n + ${n}${more} WHERE p = ${p} AND c = ${c}`,
          )
        }),
      )
    }
    const byC = (found: readonly Row[]) => found.toSorted((a, b) => Number(a['c']) - Number(b['c']))
    expect(byC(await read(table))).toEqual(wanted)
    const source = createCassandraReadable({ ...ks.target, table, after: null, fetch_size: 7 })
    const found: Row[] = []
    for await (const row of source) if (found.push(row) === 200) break
    const rest = await read(table, { after: source.positionOf(found.at(-1) as Row) })
    // Without the positions.
    expect(byC([...found, ...rest]).map(({ p, c, n, m }) => ({ p, c, n, m }))).toEqual(wanted)
    const counted = await countRows({ ...ks.target, table })
    expect([counted.rows, counted.partitions]).toEqual([600, 50])
  })

  it('is followed by scan: a row comes again when one of its counters has changed', async () => {
    const table = await ks.table('id int PRIMARY KEY, n counter')
    const add = (id: number) => ks.client.execute(`UPDATE ${ks.name}.${table} SET n = n + 1 WHERE id = ${id}`)
    for (const id of [1, 2, 3]) await add(id)
    const follow = { by: 'scan', interval_ms: 100, lag_ms: 500 } as const
    const source = createCassandraReadable({ ...ks.target, table, follow })
    const found: Row[] = []
    for await (const row of source) {
      found.push(row)
      if (found.length === 3) await add(2)
      if (found.length === 4) break
    }
    expect(
      found
        .slice(0, 3)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([1, 2, 3])
    expect(found[3]).toMatchObject({ id: 2, n: 2n })
  })
})
