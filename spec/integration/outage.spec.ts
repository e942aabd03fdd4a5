import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type CassandraWritable, createCassandraWritable } from '../../lib/index.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { reservePorts } from '../../lib/testing/ports.ts'

/** Milliseconds. A node starts slowly on a busy machine. */
const OUTAGE_TIMEOUT_MS = 240_000

const ROWS = 20_000

// Not the shared server, because this one is killed. `durable` keeps what it acknowledged.
let cassandra: Cassandra
beforeAll(async () => {
  cassandra = await startCassandra({ durable: true })
  await withClient(async client => {
    await client.execute(
      `CREATE KEYSPACE outage WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    )
  })
}, OUTAGE_TIMEOUT_MS)
afterAll(() => cassandra?.stop())

async function withClient<T>(act: (client: Client) => Promise<T>): Promise<T> {
  const { contactPoints, localDataCenter } = cassandra
  const client = new Client({ contactPoints, localDataCenter })
  try {
    await client.connect()
    return await act(client)
  } finally {
    await client.shutdown()
  }
}

interface Load {
  readonly table: string
  readonly sink: CassandraWritable
  /** Number of rows that the stream has taken from the source. */
  given(): number
  readonly done: Promise<void>
}

/** Starts a load of many rows into a new table. Some partitions have several rows. */
async function startLoad(table: string, options: object): Promise<Load> {
  await withClient(client =>
    client.execute(`CREATE TABLE outage.${table} (p int, c int, v text, PRIMARY KEY (p, c))`),
  )
  const [host = ''] = cassandra.contactPoints[0]?.split(':') ?? []
  const sink = createCassandraWritable({
    host,
    port: cassandra.port,
    keyspace: 'outage',
    table,
    retry_timeout_ms: OUTAGE_TIMEOUT_MS,
    ...options,
  })
  onTestFinished(() => {
    sink.destroy()
  })
  let given = 0
  function* rows() {
    for (; given < ROWS; given++) yield rowAt(given)
  }
  const done = pipeline(Readable.from(rows()), sink)
  done.catch(() => {})
  return { table, sink, given: () => given, done }
}

const rowAt = (i: number) => ({ p: i % 3_000, c: i, v: `row ${i}` })

/** Resolves when this many rows are written. Rejects if the load ends before. */
async function untilWritten({ sink, done }: Load, rows: number): Promise<void> {
  const over = done.then(() => {
    throw new Error('The load was over before its middle')
  })
  over.catch(() => {})
  await Promise.race([
    vi.waitUntil(() => sink.stats.rows_written > rows, { timeout: 60_000, interval: 2 }),
    over,
  ])
}

/** Indexes of the rows in a table, after a check that each is what was written. */
async function indexesIn(table: string): Promise<Set<number>> {
  const found = new Set<number>()
  await withClient(async client => {
    const rows = await client.execute(`SELECT p, c, v FROM outage.${table}`, [], {
      prepare: true,
      fetchSize: 5000,
    })
    for await (const { p, c, v } of rows) {
      if (found.has(c) || p !== c % 3_000 || v !== `row ${c}`) expect({ p, c, v }).toEqual(rowAt(c))
      found.add(c)
    }
  })
  return found
}

describe('a load during which the one server', { timeout: OUTAGE_TIMEOUT_MS }, () => {
  it('is killed and started again ends with every row in the table', async () => {
    const load = await startLoad('killed', {})
    await untilWritten(load, 2_000)
    await cassandra.kill(1)
    const before = load.sink.stats.rows_written
    await vi.waitUntil(() => load.sink.stats.retries > 0, { timeout: 60_000, interval: 20 })
    // Keeps other servers from taking its ports while it is down.
    const others = await reservePorts(['127.0.0.1'])
    expect(others.native).not.toBe(cassandra.port)
    others.release()
    await cassandra.start(1)
    await load.done
    expect(before).toBeLessThan(ROWS)
    expect(load.sink.stats).toMatchObject({ rows_accepted: ROWS, rows_written: ROWS, rows_failed: 0 })
    expect((await indexesIn(load.table)).size).toBe(ROWS)
  })

  it('is suspended for a while ends with every row in the table, and the source waits in the meantime', async () => {
    onTestFinished(() => cassandra.resume(1))
    const load = await startLoad('paused', { request_timeout_ms: 3_000, rows_per_batch: 500 })
    await untilWritten(load, 2_000)
    const before = load.sink.stats.retries
    await cassandra.pause(1)
    await vi.waitUntil(() => load.sink.stats.retries > before, { timeout: 60_000, interval: 20 })
    const given = load.given()
    const { retries, rows_accepted } = load.sink.stats
    await vi.waitUntil(() => load.sink.stats.retries > retries, { timeout: 60_000, interval: 20 })
    expect(load.given()).toBe(given)
    expect(load.sink.stats.rows_accepted).toBe(rows_accepted)
    await cassandra.resume(1)
    await load.done
    expect(load.sink.stats).toMatchObject({ rows_accepted: ROWS, rows_written: ROWS, rows_failed: 0 })
    expect((await indexesIn(load.table)).size).toBe(ROWS)
  })

  it('is down for longer than retry_timeout_ms ends with an error that has correct counts', async () => {
    const load = await startLoad('given_up', { retry_timeout_ms: 3_000 })
    await untilWritten(load, 2_000)
    await cassandra.kill(1)
    const error = await load.done.catch(error => error)
    const { stats } = load.sink
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_RETRY_TIMEOUT',
      counts: {
        rows_accepted: stats.rows_accepted,
        rows_written: stats.rows_written,
        rows_deleted: 0,
        rows_failed: stats.rows_accepted - stats.rows_written,
      },
    })
    await cassandra.start(1)
    const found = await indexesIn(load.table)
    // A row that counts as failed may have been written. A row that counts as written has been.
    expect(found.size).toBeGreaterThanOrEqual(stats.rows_written)
    expect(found.size).toBeLessThanOrEqual(stats.rows_accepted)
  })
})
