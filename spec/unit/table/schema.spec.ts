import { describe, expect, it } from 'vitest'
import { type ConsistencyName, SchemaError } from '../../../lib/index.ts'
import { readTable } from '../../../lib/table/readTable.ts'
import type { StoredTable } from '../../../lib/table/schema.ts'
import { schemaChange, tableGone } from '../../../lib/table/schemaChange.ts'
import { levelRefusalOf, refusalOf } from '../../../lib/write/tableRefusal.ts'
import { FakeClient, type FakeColumn } from '../../fake/fakeClient.ts'

const columns: readonly FakeColumn[] = [
  { name: 'zebra', type: 'text' },
  { name: 'c2', type: 'int', kind: 'clustering', position: 1 },
  { name: 'shared', type: 'int', kind: 'static' },
  { name: 'p2', type: 'int', kind: 'partition_key', position: 1 },
  { name: 'Apple', type: 'frozen<list<address>>' },
  { name: 'p1', type: 'text', kind: 'partition_key', position: 0 },
  { name: 'c1', type: 'uuid', kind: 'clustering', position: 0 },
]

function clientOf(described: readonly FakeColumn[] = columns): FakeClient {
  const client = new FakeClient(described)
  client.udts = [{ type_name: 'address', field_names: ['street', 'zip'], field_types: ['text', 'int'] }]
  return client
}

const { signal } = new AbortController()
const read = (client: FakeClient): Promise<StoredTable> =>
  readTable({ client: client.asClient, keyspace: 'ks', table: 't', timeout_ms: 50, signal })

describe('reading a schema', () => {
  it('returns the key columns in key order, then static columns, then the others by name', async () => {
    const schema = await read(clientOf())
    expect(schema.columns.map(({ name }) => name)).toEqual([
      'p1',
      'p2',
      'c1',
      'c2',
      'shared',
      'Apple',
      'zebra',
    ])
    expect(schema).toMatchObject({ id: 'table-1', keyspace: 'ks', name: 't' })
  })

  it('returns user-defined types with their fields', async () => {
    const schema = await read(clientOf())
    expect(schema.columns.find(({ name }) => name === 'Apple')).toMatchObject({
      cql: 'frozen<list<address>>',
      type: {
        kind: 'list',
        frozen: true,
        element: { kind: 'udt', fields: [{ name: 'street' }, { name: 'zip' }] },
      },
    })
  })

  it.each([
    ['ERR_CASSANDRA_TABLE_NOT_FOUND', (client: FakeClient) => Object.assign(client, { columns: [] })],
    [
      'ERR_CASSANDRA_KEYSPACE_NOT_FOUND',
      (client: FakeClient) => Object.assign(client, { columns: [], hasKeyspace: false }),
    ],
  ])('fails with %s for this schema', async (code, change) => {
    const reading = read(change(clientOf()))
    await expect(reading).rejects.toBeInstanceOf(SchemaError)
    await expect(reading).rejects.toMatchObject({ code })
  })

  it('returns columns of custom and unknown types, also in the key', async () => {
    const { columns } = await read(Object.assign(clientOf(), { udts: [] }))
    expect(columns.filter(({ type }) => type.kind === 'unsupported').length).toBe(1)
  })

  it.each<[string, Partial<FakeClient>, string]>([
    ['a view', { isView: true }, 'is a materialized view: write to its base table'],
    ['a counter table', { columns: [...columns, { name: 'n', type: 'counter' }] }, 'is a counter table'],
    [
      'a table with a custom type in its key',
      { columns: [{ name: 'id', type: 'mystery', kind: 'partition_key' }] },
      'Columns of type `mystery` cannot be written',
    ],
  ])('describes %s, which cannot be written', async (_, change, why) => {
    const found = await read(Object.assign(clientOf(), change))
    expect(found.isView).toBe(change.isView === true)
    expect(found.columns.length).toBeGreaterThan(0)
    expect(refusalOf(found)?.message).toContain(why)
    expect(refusalOf(await read(clientOf()))).toBeUndefined()
  })

  it.each<[string | undefined, string]>([
    [undefined, 'off'],
    ['off', 'off'],
    ['full', 'full'],
  ])('returns a table with transactional_mode %s as %s', async (transactional_mode, known) => {
    expect(await read(Object.assign(clientOf(), { transactional_mode }))).toMatchObject({
      transactional_mode: known,
    })
  })

  const local: ConsistencyName[] = ['LOCAL_QUORUM', 'LOCAL_ONE', 'EACH_QUORUM', 'TWO', 'THREE']
  const taken: ConsistencyName[] = ['QUORUM', 'ONE', 'ALL']
  it.each([
    ...local.map(level => ['full', level, 'does not take'] as const),
    ...taken.map(level => ['full', level, undefined] as const),
    ['mixed_reads', 'LOCAL_QUORUM', 'does not take'] as const,
    ['off', 'LOCAL_QUORUM', undefined] as const,
  ])('of a table with transactional_mode %s at %s: %s', async (transactional_mode, level, why) => {
    const refusal = levelRefusalOf(await read(Object.assign(clientOf(), { transactional_mode })), level)
    if (why === undefined) expect(refusal).toBeUndefined()
    else {
      expect(refusal).toMatchObject({ code: 'ERR_CASSANDRA_CONSISTENCY' })
      expect(refusal?.message).toContain(`transactional_mode = '${transactional_mode}'`)
      expect(refusal?.message).toContain(`${why} ${level}: set the option \`consistency\` to QUORUM`)
    }
  })

  it('fails with the error of the server if the schema cannot be read', async () => {
    const client = clientOf()
    client.schemaError = new Error('no answer')
    await expect(read(client)).rejects.toThrow('no answer')
  })
})

describe('a schema that is read again', () => {
  async function changed(change: (client: FakeClient) => unknown): Promise<SchemaError | undefined> {
    const client = clientOf()
    const before = await read(client)
    change(client)
    return schemaChange(before, await read(client))
  }
  const without = (name: string) => columns.filter(column => column.name !== name)
  const withFields = (...fields: [name: string, type: string][]) => [
    {
      type_name: 'address',
      field_names: fields.map(([name]) => name),
      field_types: fields.map(([, type]) => type),
    },
  ]

  it.each<[string, (client: FakeClient) => unknown]>([
    ['nothing changed', () => {}],
    [
      'a column was added',
      client => Object.assign(client, { columns: [...columns, { name: 'new', type: 'int' }] }),
    ],
    ['a column outside the key was dropped', client => Object.assign(client, { columns: without('zebra') })],
    [
      'a field was added to a user-defined type',
      client =>
        Object.assign(client, { udts: withFields(['street', 'text'], ['zip', 'int'], ['city', 'text']) }),
    ],
  ])('counts as the same if %s', async (_, change) => {
    expect(await changed(change)).toBeUndefined()
  })

  it.each<[string, RegExp, (client: FakeClient) => unknown]>([
    [
      'a table that was created again',
      /`ks\.t` was dropped and created again/,
      client => Object.assign(client, { tableId: 'table-2' }),
    ],
    [
      'a key column with another name',
      /primary key of `ks\.t` changed from \(p1, p2, c1, c2\) to \(p1, p2, c1, c3\)/,
      client =>
        Object.assign(client, {
          columns: [...without('c2'), { name: 'c3', type: 'int', kind: 'clustering', position: 1 }],
        }),
    ],
    [
      'a column of another type',
      /Column `zebra` of `ks\.t` changed from text to blob/,
      client => Object.assign(client, { columns: [...without('zebra'), { name: 'zebra', type: 'blob' }] }),
    ],
    [
      'a column that became static',
      /Column `zebra` of `ks\.t` changed from text to text static/,
      client =>
        Object.assign(client, {
          columns: [...without('zebra'), { name: 'zebra', type: 'text', kind: 'static' }],
        }),
    ],
    [
      'a column that was dropped and added again',
      /Column `zebra` of `ks\.t` was dropped and added again/,
      client => Object.assign(client, { droppedColumns: [{ column_name: 'zebra', dropped_time: 1 }] }),
    ],
    [
      'a field of another type inside a collection',
      /Column `Apple` of `ks\.t` changed: the fields of frozen<list<address>> are different/,
      client => Object.assign(client, { udts: withFields(['street', 'text'], ['zip', 'float']) }),
    ],
    [
      'a field with another name',
      /the fields of frozen<list<address>> are different/,
      client => Object.assign(client, { udts: withFields(['street', 'text'], ['code', 'int']) }),
    ],
    [
      'a field that was removed',
      /the fields of frozen<list<address>> are different/,
      client => Object.assign(client, { udts: withFields(['street', 'text']) }),
    ],
  ])('leads to an error about %s', async (_, message, change) => {
    expect(await changed(change)).toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
      message: expect.stringMatching(message),
    })
  })
})

describe('a table that no longer exists', () => {
  const before = { id: 'table-1', keyspace: 'ks', name: 't', columns: [] }

  it.each([
    ['ERR_CASSANDRA_TABLE_NOT_FOUND', '`ks.t` was dropped while it was being written'],
    ['ERR_CASSANDRA_KEYSPACE_NOT_FOUND', '`ks.t` was dropped with its keyspace while it was being written'],
  ] as const)('was dropped, whatever would be near its name (%s)', (code, message) => {
    const error = new SchemaError(code, 'There is none; did you mean `u`?')
    expect(tableGone(before, error)).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED', message })
  })

  it('or can no longer be written leads to an error with the reason', () => {
    const error = new SchemaError('ERR_CASSANDRA_TYPE_UNSUPPORTED', 'It is a custom type')
    expect(tableGone(before, error).message).toBe(
      '`ks.t` changed while it was being written: It is a custom type',
    )
  })
})
