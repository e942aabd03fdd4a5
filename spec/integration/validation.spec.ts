import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { describe, expect, inject, it } from 'vitest'
import {
  type CassandraWritableOptions,
  ConnectionError,
  createCassandraWritable,
  RowError,
  SchemaError,
} from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('validation_spec')

/** The error of a sink that is given these rows. */
async function errorOf(options: CassandraWritableOptions, rows: unknown[] = []): Promise<unknown> {
  const sink = createCassandraWritable(options)
  return pipeline(Readable.from(rows), sink).then(
    () => undefined,
    error => error,
  )
}

describe('before the first row', () => {
  it('names a keyspace that does not exist', async () => {
    const error = await errorOf({ ...ks.target, keyspace: 'nowhere', table: 't' })
    expect(error).toBeInstanceOf(SchemaError)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND' })
    expect(String(error)).toContain('nowhere')
  })

  it('names a table that does not exist', async () => {
    const error = await errorOf({ ...ks.target, table: 'Nothing' })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
    expect(String(error)).toContain('`Nothing`')
  })

  it('refuses a materialized view', async () => {
    const table = await ks.table('a int, b int, PRIMARY KEY (a)')
    await ks.client.execute(
      `CREATE MATERIALIZED VIEW ${ks.name}.a_view AS SELECT * FROM ${ks.name}.${table}
       WHERE b IS NOT NULL AND a IS NOT NULL PRIMARY KEY (b, a)`,
    )
    const error = await errorOf({ ...ks.target, table: 'a_view' })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_TABLE_UNSUPPORTED' })
    expect(String(error)).toContain('materialized view')
  })

  it('refuses a counter table', async () => {
    const table = await ks.table('id int PRIMARY KEY, hits counter')
    const error = await errorOf({ ...ks.target, table })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_TABLE_UNSUPPORTED' })
    expect(String(error)).toContain('counter')
  })

  it('names each host that cannot be reached and why', async () => {
    const error = await errorOf({ host: ['127.0.0.1', '127.0.0.9'], port: 1, keyspace: 'k', table: 't' })
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CONNECT' })
    const { hosts } = error as ConnectionError
    expect(hosts.map(({ host }) => host).sort()).toEqual(['127.0.0.1:1', '127.0.0.9:1'])
    for (const { reason } of hosts) expect(reason).toContain('ECONNREFUSED')
  })

  it('refuses a delete flag on a key column', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const error = await errorOf({ ...ks.target, table, delete_flag_column: 'id', delete_flag_value: '1' })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option: 'delete_flag_column' })
  })

  it('names a datacenter that does not exist', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const error = await errorOf({ ...ks.target, table, local_datacenter: 'atlantis' })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CONNECT' })
    expect(String(error)).toContain('atlantis')
  })
})

describe('before the first write of a row', () => {
  it('refuses a row whose partition key is missing or null, after it has written the rows before', async () => {
    const table = await ks.table('p int, c int, v int, PRIMARY KEY (p, c)')
    const rows = [
      { p: 1, c: 1, v: 1 },
      { c: 2, v: 2 },
      { p: 3, c: 3, v: 3 },
    ]
    const error = await errorOf({ ...ks.target, table }, rows)
    expect(error).toBeInstanceOf(RowError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_KEY_MISSING',
      row_index: 1,
      column: 'p',
      cql_type: 'int',
      counts: { rows_accepted: 1, rows_written: 1, rows_deleted: 0, rows_failed: 0 },
    })
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ p: 1, c: 1, v: 1 }])
    expect(await errorOf({ ...ks.target, table }, [{ p: null, c: 2 }])).toMatchObject({
      code: 'ERR_CASSANDRA_KEY_NULL',
      column: 'p',
    })
  })

  it('refuses a delete without its clustering key', async () => {
    const table = await ks.table('p int, c int, PRIMARY KEY (p, c)')
    const options = { ...ks.target, table, delete_flag_column: 'gone', delete_flag_value: 'true' }
    expect(await errorOf(options, [{ p: 1, gone: true }])).toMatchObject({
      code: 'ERR_CASSANDRA_KEY_MISSING',
      column: 'c',
    })
    expect(await errorOf(options, [{ p: 1, c: 1 }])).toMatchObject({
      code: 'ERR_CASSANDRA_DELETE_FLAG_MISSING',
      column: 'gone',
    })
  })

  it('refuses a column that the table does not have and lists those it has', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const error = await errorOf({ ...ks.target, table }, [{ id: 1, value: 2 }])
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN', row_index: 0, column: 'value' })
    expect(String(error)).toContain('id, v')
  })

  it('refuses a value out of range and says what would be accepted', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const error = await errorOf({ ...ks.target, table }, [{ id: 2 ** 31 }])
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_VALUE', row_index: 0, column: 'id', cql_type: 'int' })
    expect((error as RowError).expected).toContain('2147483647')
  })
})

describe('while writing', () => {
  it('reports a dropped table as a schema change and not as a transient fault', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...ks.target, table })
    await new Promise<void>((resolve, reject) => sink.once('error', reject).write({ id: 1 }, () => resolve()))
    sink.removeAllListeners('error')
    await ks.client.execute(`DROP TABLE ${ks.name}.${table}`)
    sink.write({ id: 2 })
    const [error] = await once(sink, 'error')
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it('refuses to store bytes of the old type in a table that was created again with another type', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const sink = createCassandraWritable({ ...ks.target, table, flush_interval_ms: 0 })
    const failed = once(sink, 'error')
    await new Promise<void>(resolve => sink.write({ id: 1, v: 'four' }, () => resolve()))
    await ks.client.execute(`DROP TABLE ${ks.name}.${table}`)
    await ks.client.execute(`CREATE TABLE ${ks.name}.${table} (id int PRIMARY KEY, v int)`)
    sink.write({ id: 2, v: 'four' })
    expect((await failed)[0]).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([])
  })

  it('shuts down the client that it opened, and no other', async () => {
    const { host, port, localDataCenter } = inject('cassandra')
    const table = await ks.table('id int PRIMARY KEY')
    // Other files use the server at the same time, so connections are told apart by name.
    const names = { own: `own ${randomUUID()}`, given: `given ${randomUUID()}` }
    const connections = async (name: string) => {
      const rows = await ks.select('SELECT client_options FROM system_views.clients')
      return rows.filter(({ client_options }) => Object(client_options).APPLICATION_NAME === name).length
    }
    const given = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter,
      applicationName: names.given,
    })
    await given.connect()
    const sinks = [
      createCassandraWritable({
        ...ks.target,
        table,
        client_options: { applicationName: names.own } as object,
      }),
      createCassandraWritable({ client: given, keyspace: ks.name, table }),
    ]
    for (const sink of sinks) await new Promise(resolve => sink.write({ id: 1 }, resolve))
    expect(await connections(names.own)).toBeGreaterThan(0)
    for (const sink of sinks) await finished(sink.end())
    await expect.poll(() => connections(names.own), { timeout: 10_000 }).toBe(0)
    await given.execute('SELECT key FROM system.local')
    expect(await connections(names.given)).toBeGreaterThan(0)
    await given.shutdown()
    await expect.poll(() => connections(names.given), { timeout: 10_000 }).toBe(0)
  })
})
