import { once } from 'node:events'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { Client, tracker } from 'cassandra-driver'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import {
  type CassandraWritable,
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
  RowError,
  SchemaError,
} from '../../lib/index.ts'
import { recordsIn, useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'
import { hasVectors } from './series.ts'

const ks = useKeyspace('schema_change_spec')
const checkpoints = useCheckpoints()

const ddl = (cql: string) => ks.client.execute(cql.replaceAll('ks.', `${ks.name}.`))

/** Creates a type with a new name. */
let types = 0
async function typeOf(fields: string): Promise<string> {
  const name = `udt${++types}`
  await ddl(`CREATE TYPE ks.${name} (${fields})`)
  return name
}

const written = (sink: CassandraWritable, rows: number) =>
  expect.poll(() => sink.stats.rows_written, { timeout: 20_000 }).toBe(rows)

/** The error that ends the sink; undefined when it finishes. */
const endOf = (sink: CassandraWritable) => finished(sink).catch((error: unknown) => error)

describe('a table that is replaced while it is written', () => {
  it('has no bytes of the wrong type when a user-defined type is created again with other fields', async () => {
    const udt = await typeOf('a int, b text')
    const table = await ks.table(`id int PRIMARY KEY, u frozen<${udt}>, l list<frozen<${udt}>>`)
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    const value = { a: 7, b: 'x' }
    sink.write({ id: 1, u: value, l: [value] })
    await written(sink, 1)
    await ddl(`DROP TABLE ks.${table}`)
    await ddl(`DROP TYPE ks.${udt}`)
    await ddl(`CREATE TYPE ks.${udt} (a float, b text)`)
    await ddl(`CREATE TABLE ks.${table} (id int PRIMARY KEY, u frozen<${udt}>, l list<frozen<${udt}>>)`)
    sink.write({ id: 2, u: value, l: [value] })
    sink.end()
    expect(await end).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED', counts: { rows_written: 1 } })
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([])
  })

  it('has no bytes of the wrong type when a request tracker is set', async () => {
    const udt = await typeOf('a int')
    const table = await ks.table(`id int PRIMARY KEY, u frozen<${udt}>`)
    const { host, port, localDataCenter } = inject('cassandra')
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter,
      requestTracker: new tracker.RequestLogger({ slowThreshold: 60_000 }),
    })
    onTestFinished(() => client.shutdown())
    const sink = createCassandraWritable({ client, keyspace: ks.name, table })
    const end = endOf(sink)
    sink.write({ id: 1, u: { a: 7 } })
    await written(sink, 1)
    await ddl(`DROP TABLE ks.${table}`)
    await ddl(`DROP TYPE ks.${udt}`)
    await ddl(`CREATE TYPE ks.${udt} (a float)`)
    await ddl(`CREATE TABLE ks.${table} (id int PRIMARY KEY, u frozen<${udt}>)`)
    sink.write({ id: 2, u: { a: 7 } })
    sink.end()
    expect(await end).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED', counts: { rows_written: 1 } })
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([])
  })

  it('accepts the rows of a new sink on a client that still has the prepared statements of the old table', async () => {
    const udt = await typeOf('a int')
    const columns = `id int PRIMARY KEY, u frozen<${udt}>`
    const table = await ks.table(columns)
    const options = { client: ks.client, keyspace: ks.name, table }
    await pipeline(Readable.from([{ id: 1, u: { a: 7 } }]), createCassandraWritable(options))
    await ddl(`DROP TABLE ks.${table}`)
    await ddl(`DROP TYPE ks.${udt}`)
    await ddl(`CREATE TYPE ks.${udt} (a text)`)
    await ddl(`CREATE TABLE ks.${table} (${columns})`)
    const rows = Array.from({ length: 1_000 }, (_, id) => ({ id, u: { a: 'seven' } }))
    const sink = createCassandraWritable({ ...options, batch_by: 'none' })
    await pipeline(Readable.from(rows), sink)
    const found = await ks.select(`SELECT * FROM ${ks.name}.${table}`)
    expect(found.filter(({ u }) => (u as { a: unknown }).a === 'seven')).toHaveLength(1_000)
    // Requests that were sent before the first statement was prepared again.
    expect(sink.stats.retries).toBeLessThan(500)
  })

  it('ends a sink that has written to the old and the new table', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ id: 1, v: 1 })
    await written(sink, 1)
    await ddl(`DROP TABLE ks.${table}`)
    await ddl(`CREATE TABLE ks.${table} (id int PRIMARY KEY, v int)`)
    sink.end({ id: 2, v: 2 })
    expect(await end).toBeInstanceOf(SchemaError)
    expect(await end).toMatchObject({ message: expect.stringContaining('dropped and created again') })
  })

  it('ends a sink that has nothing more to write', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ id: 1, v: 1 })
    await written(sink, 1)
    await ddl(`DROP TABLE ks.${table}`)
    await ddl(`CREATE TABLE ks.${table} (id int PRIMARY KEY, v int)`)
    sink.end()
    expect(await end).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it('leaves the epoch without a commit', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const checkpoint_location = checkpoints.location()
    const sink = createMicroBatchSink({
      ...ks.target,
      table,
      checkpoint_location,
      batch_by: 'none',
      concurrency: 1,
    })
    const rows = Array.from({ length: 3_000 }, (_, id) => ({ id, v: id }))
    const epoch = sink.writeEpoch(0, rows).catch((error: unknown) => error)
    await expect.poll(() => sink.stats.rows_written, { timeout: 20_000 }).toBeGreaterThan(0)
    await ddl(`DROP TABLE ks.${table}`)
    await ddl(`CREATE TABLE ks.${table} (id int PRIMARY KEY, v int)`)
    expect(await epoch).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
    expect(await recordsIn(checkpoint_location)).toEqual(['seal'])
  })

  it('leaves the epoch without a commit when all rows went to the old table', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const execute = async (cql: string, binds: unknown[], how: object) => {
      const answer = await ks.client.execute(cql, binds, how)
      if (cql.includes('INSERT INTO')) {
        await ddl(`DROP TABLE ks.${table}`)
        await ddl(`CREATE TABLE ks.${table} (id int PRIMARY KEY, v int)`)
      }
      return answer
    }
    const client = Object.create(ks.client, { execute: { value: execute } }) as Client
    const checkpoint_location = checkpoints.location()
    const sink = createMicroBatchSink({ client, keyspace: ks.name, table, checkpoint_location })
    await expect(sink.writeEpoch(0, [{ id: 1, v: 1 }])).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
    })
    expect(await recordsIn(checkpoint_location)).toEqual(['seal'])
  })

  it('ends the sink with the reason when its keyspace was dropped', async () => {
    const keyspace = `${ks.name}_gone`
    await ddl(
      `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    )
    await ddl(`CREATE TABLE ${keyspace}.t (id int PRIMARY KEY)`)
    const sink = createCassandraWritable({ ...ks.target, keyspace, table: 't' })
    const end = endOf(sink)
    sink.write({ id: 1 })
    await written(sink, 1)
    await ddl(`DROP KEYSPACE ${keyspace}`)
    sink.end({ id: 2 })
    expect(await end).toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
      message: `\`${keyspace}.t\` was dropped with its keyspace while it was being written`,
    })
  })
})

describe('a column that is added while a sink runs', () => {
  it('is written by a Writable, with its row in order', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    sink.write({ id: 1, v: 1 })
    await written(sink, 1)
    await ddl(`ALTER TABLE ks.${table} ADD w int`)
    for (let w = 0; w < 10; w++) sink.write({ id: 1, v: 2, w })
    const changing = { id: 2, v: 3, w: 4 }
    sink.write(changing)
    changing.w = 5
    sink.end({ id: 3, v: 6 })
    await finished(sink)
    const found = await ks.select(`SELECT * FROM ${ks.name}.${table}`)
    expect(found.sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
      { id: 1, v: 2, w: 9 },
      { id: 2, v: 3, w: 4 },
      { id: 3, v: 6, w: null },
    ])
  })

  it('is written by a WritableStream', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const stream = createCassandraWritableStream<object>({ ...ks.target, table })
    const writer = stream.getWriter()
    await writer.write({ id: 1 })
    await ddl(`ALTER TABLE ks.${table} ADD w int`)
    await writer.write({ id: 2, w: 3 })
    await writer.close()
    expect(await ks.select(`SELECT w FROM ${ks.name}.${table} WHERE id = 2`)).toEqual([{ w: 3 }])
  })

  it('is written by a micro-batch sink, with write() and with writeEpoch()', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const options = { ...ks.target, table, epoch_interval_ms: 1 }
    const sink = createMicroBatchSink<object>({ ...options, checkpoint_location: checkpoints.location() })
    const byEpoch = createMicroBatchSink<object>({ ...options, checkpoint_location: checkpoints.location() })
    sink.write({ id: 1 })
    await once(sink, 'commit')
    await byEpoch.writeEpoch(0, [{ id: 2 }])
    await ddl(`ALTER TABLE ks.${table} ADD w int`)
    sink.end({ id: 3, w: 1 })
    await finished(sink)
    await byEpoch.writeEpoch(1, [{ id: 4, w: 1 }, { id: 5 }, { id: 6, w: 2 }])
    await byEpoch[Symbol.asyncDispose]()
    const found = await ks.select(`SELECT id, w FROM ${ks.name}.${table}`)
    expect(found.sort((a, b) => Number(a['id']) - Number(b['id']))).toEqual([
      { id: 1, w: null },
      { id: 2, w: null },
      { id: 3, w: 1 },
      { id: 4, w: 1 },
      { id: 5, w: null },
      { id: 6, w: 2 },
    ])
  })

  it('may be a field of a user-defined type deep inside a value', async () => {
    const udt = await typeOf('a int')
    const table = await ks.table(`id int PRIMARY KEY, m map<text, frozen<list<${udt}>>>`)
    const sink = createCassandraWritable({ ...ks.target, table })
    sink.write({ id: 1, m: { k: [{ a: 1 }] } })
    await written(sink, 1)
    await ddl(`ALTER TYPE ks.${udt} ADD b text`)
    sink.write({ id: 2, m: { k: [{ a: 1, b: 'new' }] } })
    sink.end({ id: 3, m: { k: [{ a: 1 }] } })
    await finished(sink)
    expect(await ks.select(`SELECT m FROM ${ks.name}.${table} WHERE id = 2`)).toMatchObject([
      { m: { k: [{ a: 1, b: 'new' }] } },
    ])
  })

  it('does not help a row with another unknown name, which is refused after the rows before it are written', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ id: 1 })
    sink.write({ id: 2, nope: 1 })
    sink.write({ id: 3 })
    expect(await end).toBeInstanceOf(RowError)
    expect(await end).toMatchObject({ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN', row_index: 1 })
    expect(await ks.select(`SELECT id FROM ${ks.name}.${table}`)).toEqual([{ id: 1 }])
  })
})

describe('a column that is dropped while a sink runs', () => {
  it('does not end the sink when no row has a value for it', async () => {
    const table = await ks.table('p int, c int, s int static, a int, v int, z text, PRIMARY KEY (p, c)')
    const sink = createCassandraWritable({ ...ks.target, table, ttl_column: 'ttl' })
    sink.write({ p: 1, c: 1, v: 1 })
    await written(sink, 1)
    await ddl(`ALTER TABLE ks.${table} DROP a`)
    for (let c = 2; c < 60; c++) sink.write({ p: 1, c, v: c, z: 'text', ttl: 3_600 })
    sink.write({ p: 1, s: 5 })
    await written(sink, 60)
    await ddl(`ALTER TABLE ks.${table} DROP z`)
    sink.write({ p: 1, c: 60, v: 60 })
    sink.end()
    await finished(sink)
    const found = await ks.select(`SELECT c, s, v, TTL(v) AS left FROM ${ks.name}.${table}`)
    expect(found).toHaveLength(60)
    expect(found.every(({ c, s, v }) => c === v && s === 5)).toBe(true)
    expect(found.filter(({ left }) => left !== null)).toHaveLength(58)
  })

  it('ends the sink when an earlier row has a value for it', async () => {
    const table = await ks.table('id int PRIMARY KEY, a int, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ id: 1, v: 1 })
    await written(sink, 1)
    await ddl(`ALTER TABLE ks.${table} DROP a`)
    sink.write({ id: 2, a: 2 })
    sink.end()
    expect(await end).toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
      message: expect.stringContaining('Column `a`'),
    })
  })

  it('ends the sink when a later row names it', async () => {
    const table = await ks.table('id int PRIMARY KEY, a int, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ id: 1, a: 1 })
    await written(sink, 1)
    await ddl(`ALTER TABLE ks.${table} DROP a`)
    sink.write({ id: 2, v: 2 })
    await written(sink, 2)
    sink.write({ id: 3, a: 3 })
    expect(await end).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it('ends the sink when the column was added again, because Cassandra hides cells from before the drop', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ id: 1, v: 1 })
    await written(sink, 1)
    await ddl(`ALTER TABLE ks.${table} DROP v`)
    await ddl(`ALTER TABLE ks.${table} ADD v int`)
    sink.end({ id: 2, v: 2 })
    expect(await end).toMatchObject({ message: expect.stringContaining('was dropped and added again') })
  })
})

describe('a table that changes without harm', () => {
  it.each([
    ['TRUNCATE', (table: string) => `TRUNCATE ks.${table}`],
    ['another time to live', (table: string) => `ALTER TABLE ks.${table} WITH default_time_to_live = 3600`],
    ['an added column', (table: string) => `ALTER TABLE ks.${table} ADD more int`],
    ['an added static column', (table: string) => `ALTER TABLE ks.${table} ADD more int static`],
    ['an index', (table: string) => `CREATE INDEX ON ks.${table} (v)`],
  ])('accepts the remaining rows after %s', async (_, change) => {
    const table = await ks.table('p int, c int, v int, PRIMARY KEY (p, c)')
    const sink = createCassandraWritable({ ...ks.target, table })
    sink.write({ p: 1, c: 1, v: 1 })
    await written(sink, 1)
    await ddl(change(table))
    sink.end({ p: 1, c: 2, v: 2 })
    await finished(sink)
    expect(await ks.select(`SELECT v FROM ${ks.name}.${table} WHERE p = 1 AND c = 2`)).toEqual([{ v: 2 }])
  })

  it('accepts the remaining rows after a field was added to a user-defined type, also in a vector', async () => {
    const udt = await typeOf('a int')
    const vec = hasVectors ? `vector<frozen<${udt}>, 1>` : `frozen<list<frozen<${udt}>>>`
    const table = await ks.table(`id int PRIMARY KEY, u frozen<${udt}>, plain ${udt}, vec ${vec}`)
    const sink = createCassandraWritable({ ...ks.target, table })
    const value = (a: number) => ({ u: { a }, plain: { a }, vec: [{ a }] })
    sink.write({ id: 1, ...value(1) })
    await written(sink, 1)
    await ddl(`ALTER TYPE ks.${udt} ADD b text`)
    sink.end({ id: 2, ...value(2) })
    await finished(sink)
    expect(await ks.select(`SELECT u, plain FROM ${ks.name}.${table} WHERE id = 2`)).toMatchObject([
      { u: { a: 2 }, plain: { a: 2 } },
    ])
  })

  it('ends the sink when a key column was renamed', async () => {
    const table = await ks.table('p int, c int, v int, PRIMARY KEY (p, c)')
    const sink = createCassandraWritable({ ...ks.target, table })
    const end = endOf(sink)
    sink.write({ p: 1, c: 1, v: 1 })
    await written(sink, 1)
    await ddl(`ALTER TABLE ks.${table} RENAME c TO d`)
    sink.end({ p: 1, c: 2, v: 2 })
    expect(await end).toMatchObject({
      code: 'ERR_CASSANDRA_SCHEMA_CHANGED',
      message: expect.stringContaining('from (p, c) to (p, d)'),
    })
  })
})

describe('reading the schema', () => {
  it('reads every page, however small the pages of a borrowed client are', async () => {
    const columns = Array.from({ length: 20 }, (_, i) => `v${i} int`)
    const table = await ks.table(`id int PRIMARY KEY, ${columns.join(', ')}`)
    const { host, port } = ks.target
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter: ks.client.hosts.values()[0]?.datacenter ?? '',
      queryOptions: { fetchSize: 3 },
    })
    try {
      const sink = createCassandraWritable({ client, keyspace: ks.name, table })
      await pipeline(Readable.from([{ id: 1, v19: 19 }]), sink)
    } finally {
      await client.shutdown()
    }
    expect(await ks.select(`SELECT v19 FROM ${ks.name}.${table}`)).toEqual([{ v19: 19 }])
  })

  it('names the nearest names when a keyspace or a table does not exist', async () => {
    await ddl('CREATE TABLE ks."UserEvents" (id int PRIMARY KEY)')
    const inTable = createCassandraWritable({ ...ks.target, table: 'user_events' })
    expect(await endOf(inTable)).toMatchObject({
      code: 'ERR_CASSANDRA_TABLE_NOT_FOUND',
      message: expect.stringContaining('did you mean `UserEvents`'),
    })
    const inKeyspace = createCassandraWritable({
      ...ks.target,
      keyspace: ks.name.toUpperCase(),
      table: 'UserEvents',
    })
    expect(await endOf(inKeyspace)).toMatchObject({
      code: 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND',
      message: expect.stringContaining(`did you mean \`${ks.name}\``),
    })
  })
})
