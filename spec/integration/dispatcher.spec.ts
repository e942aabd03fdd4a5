import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { connect } from '../../lib/cluster/connect.ts'
import type { CassandraWritableOptions } from '../../lib/options/options.ts'
import { writeSettingsOf } from '../../lib/options/settings.ts'
import { openClock } from '../../lib/write/coordinator.ts'
import { Dispatcher } from '../../lib/write/dispatcher.ts'
import { TableWriter } from '../../lib/write/tableWriter.ts'
import { Tally } from '../../lib/write/tally.ts'
import { readWritableTable } from '../../lib/write/writableTable.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('dispatcher_spec')
const CONCURRENCY = 6
const MAX_BYTES = 65_536
const ROWS = 400

let proxy: CqlProxy
beforeAll(async () => {
  proxy = await CqlProxy.start(inject('cassandra'))
  proxy.latency_ms = 5
})
afterAll(() => proxy?.stop())

/** A dispatcher through the proxy, and a writer for each of these tables. */
async function open(tables: readonly string[], options: Partial<CassandraWritableOptions>) {
  const { signal } = new AbortController()
  const settingsOf = (table: string) =>
    writeSettingsOf({ host: proxy.host, port: proxy.port, keyspace: ks.name, table, ...options })
  const [first] = tables.map(settingsOf) as [ReturnType<typeof settingsOf>]
  const connection = await connect(first, signal)
  const clock = await openClock(connection.client, 10_000, 15_000, signal)
  const dispatcher = new Dispatcher(connection, clock, first)
  const writers = []
  for (const settings of tables.map(settingsOf)) {
    const tally = new Tally()
    const failures: Error[] = []
    const table = await readWritableTable(connection.client, settings, signal)
    const owner = { onFailure: (error: Error) => failures.push(error), release: async () => {} }
    const writer = new TableWriter(dispatcher, table, settings, tally, owner)
    /** Adds rows like a stream, each when the writer has room for the next one. */
    const load = async (rows: Iterable<object>) => {
      for (const row of rows) await writer.add(writer.encode(row))
      await writer.finish()
    }
    writers.push({ writer, stats: tally.stats, failures, load })
  }
  return { dispatcher, writers }
}

function* rows(count: number, v: string, from = 0) {
  for (let id = from; id < from + count; id++) yield { id, v }
}

const count = async (table: string) => (await ks.select(`SELECT id FROM ${ks.name}.${table}`)).length

describe('one dispatcher for two tables', () => {
  it('has one window of requests, which both tables use', async () => {
    const tables = [await ks.table('id int PRIMARY KEY, v text'), await ks.table('id int PRIMARY KEY, v int')]
    const { dispatcher, writers } = await open(tables, { concurrency: CONCURRENCY, batch_by: 'none' })
    const [one, other] = writers as [(typeof writers)[0], (typeof writers)[0]]
    let [most, together] = [0, 0]
    proxy.decide = () => {
      // The current request is not counted yet.
      most = Math.max(most, proxy.unanswered + 1)
      if (one.stats.requests_in_flight > 0 && other.stats.requests_in_flight > 0) together++
      return undefined
    }
    const ints = Array.from(rows(ROWS, ''), ({ id }) => ({ id, v: id }))
    await Promise.all([one.load(rows(ROWS, 'x')), other.load(ints)])
    expect(most).toBe(CONCURRENCY)
    // Most of the time. The loads of the two tables begin and end at different times.
    expect(together).toBeGreaterThan(ROWS)
    expect(await Promise.all(tables.map(count))).toEqual([ROWS, ROWS])
    for (const { writer } of writers) await writer.close()
    await dispatcher.close()
  })

  it('has one bound on bytes in flight, and one on all bytes', async () => {
    const tables = [
      await ks.table('id int PRIMARY KEY, v text'),
      await ks.table('id int PRIMARY KEY, v text'),
    ]
    const { dispatcher, writers } = await open(tables, { max_buffered_bytes: MAX_BYTES })
    const v = 'x'.repeat(1_000)
    const rowBytes = v.length + 24
    let [mostInFlight, most] = [0, 0]
    proxy.decide = () => {
      const sum = (name: 'rows_in_flight' | 'rows_buffered') =>
        writers.reduce((total, { stats }) => total + stats[name], 0)
      mostInFlight = Math.max(mostInFlight, sum('rows_in_flight') * rowBytes)
      most = Math.max(most, (sum('rows_in_flight') + sum('rows_buffered')) * rowBytes)
      return undefined
    }
    await Promise.all(writers.map(({ load }) => load(rows(ROWS, v))))
    expect(mostInFlight).toBeLessThanOrEqual(MAX_BYTES / 2)
    // The next request has at most ten rows. If it does not fit, less than that stays unused.
    expect(mostInFlight).toBeGreaterThan(MAX_BYTES / 2 - 10 * rowBytes)
    // Each table also holds the row for which there was no room.
    expect(most).toBeLessThanOrEqual(MAX_BYTES + writers.length * rowBytes)
    expect(await Promise.all(tables.map(count))).toEqual([ROWS, ROWS])
    for (const { writer } of writers) await writer.close()
    await dispatcher.close()
  })

  it('continues for one table when Cassandra refuses a row of the other', async () => {
    const tables = [
      await ks.table('id int PRIMARY KEY, v text'),
      await ks.table('id int PRIMARY KEY, v text'),
    ]
    // This index accepts at most 65,535 bytes.
    await ks.client.execute(`CREATE INDEX ON ${ks.name}.${tables[0]} (v)`)
    const { dispatcher, writers } = await open(tables, { concurrency: CONCURRENCY })
    const [one, other] = writers as [(typeof writers)[0], (typeof writers)[0]]
    proxy.decide = () => undefined
    function* bad() {
      yield* rows(50, 'x')
      yield { id: 50, v: 'x'.repeat(70_000) }
      yield* rows(ROWS, 'x', 51)
    }
    const failing = one.load(bad())
    failing.catch(() => {})
    const going = other.load(rows(ROWS, 'x'))
    await expect(failing).rejects.toMatchObject({ code: 'ERR_CASSANDRA_ROW_REFUSED', row_index: 50 })
    await one.writer.close()
    await going
    // Also for rows that come after the other table has failed.
    await other.load(rows(ROWS, 'x', ROWS))
    expect(one.failures).toHaveLength(1)
    expect(one.stats.rows_failed).toBeGreaterThan(0)
    expect(other.failures).toEqual([])
    expect(other.stats).toMatchObject({ rows_accepted: 2 * ROWS, rows_written: 2 * ROWS, rows_failed: 0 })
    expect(await count(tables[1] as string)).toBe(2 * ROWS)
    await other.writer.close()
    await dispatcher.close()
  })
})
