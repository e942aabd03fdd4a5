import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type CassandraStreamsError,
  createMicroBatchSink,
  type MicroBatchSink,
  type MicroBatchSinkOptions,
} from '../../../lib/index.ts'
import { FakeClient, rowsOf } from '../../fake/fakeClient.ts'
import { settled } from '../../stream/support.ts'

let folder: string
let client: FakeClient

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  client = new FakeClient()
})
afterEach(() => rm(folder, { recursive: true }))

interface Row {
  readonly id: number | 'bad'
}

const sinkWith = (more: Partial<MicroBatchSinkOptions<Row>>) =>
  createMicroBatchSink<Row>({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    checkpoint_location: join(folder, 'orders'),
    rows_per_epoch: 20,
    epoch_interval_ms: 3_600_000,
    ...more,
  })

const rows = (from: number, to: number): Row[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i }))

/** What a sink does until it closes. */
function watch(sink: MicroBatchSink<Row>) {
  const events: unknown[] = []
  sink.on('commit', ({ epoch_id }) => events.push(`commit ${epoch_id}`))
  sink.on('error', (error: CassandraStreamsError) => events.push(error))
  const closed = new Promise<void>(resolve => sink.once('close', resolve))
  return { events, closed }
}

/** Each ends the load at its bad row. */
const ends: [string, Partial<MicroBatchSinkOptions<Row>>, string][] = [
  ['there is no on_bad_row', {}, 'ERR_CASSANDRA_VALUE'],
  ['on_bad_row throws its error', { on_bad_row: error => Promise.reject(error) }, 'ERR_CASSANDRA_VALUE'],
  ['on_bad_row fails', { on_bad_row: () => Promise.reject(new Error('full')) }, 'ERR_CASSANDRA_ON_BAD_ROW'],
  ['max_errors is exceeded', { on_bad_row: () => {}, max_errors: 0 }, 'ERR_CASSANDRA_MAX_ERRORS'],
]

function acknowledgeAll(): void {
  client.automatic = true
  for (const write of [...client.pending]) write.acknowledge()
}

const rowsSent = () => client.writes.map(rowsOf).reduce((sum, count) => sum + count)

describe.each(ends)('a bad row with which the load ends, because %s,', (_, options, code) => {
  it('leaves the epoch before it to be committed', async () => {
    const sink = sinkWith(options)
    await sink.open()
    const { events, closed } = watch(sink)
    for (const row of rows(0, 25)) sink.write(row)
    sink.write({ id: 'bad' })
    await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    acknowledgeAll()
    await closed
    expect(events).toMatchObject(['commit 0', { code, unacknowledged: [{ from: 20, to: 25 }] }])
    expect(rowsSent()).toBe(20)
    expect(sink.stats).toMatchObject({ rows_written: 20, rows_failed: 5, rows_in_flight: 0 })
    const next = sinkWith(options)
    expect(await next.open()).toMatchObject({ epoch_id: 0, rows_total: 20 })
    await next[Symbol.asyncDispose]()
  })
})

describe.each(ends.slice(1))('an epoch that waits for its turn when a bad row comes', (_, options, code) => {
  it(`is not written if the load ends with ${code}`, async () => {
    const sink = sinkWith({ ...options, rows_per_batch: 1, batch_by: 'none', concurrency: 1 })
    await sink.open()
    const { events, closed } = watch(sink)
    for (const row of rows(0, 25)) sink.write(row)
    await client.nextWrite()
    while (sink.stats.rows_accepted < 25) await settled()
    void sink.flush().catch(() => {})
    sink.write({ id: 'bad' })
    await settled()
    expect(events).toEqual([])
    acknowledgeAll()
    await closed
    expect(events).toMatchObject(['commit 0', { code, unacknowledged: [{ from: 20, to: 25 }] }])
    expect(rowsSent()).toBe(20)
  })
})

describe.each(ends.slice(1))('a call of writeEpoch() that ends the load, because %s,', (_, options, code) => {
  it('rejects, and the sink is destroyed with the same error', async () => {
    client.automatic = true
    const sink = sinkWith(options)
    const { events, closed } = watch(sink)
    await sink.writeEpoch(0, rows(0, 20))
    const error = await sink.writeEpoch(1, [...rows(20, 25), { id: 'bad' }]).catch(reason => reason)
    expect(error).toMatchObject({ code, counts: { rows_written: 20, rows_failed: 5 } })
    await closed
    expect(events).toEqual(['commit 0', error])
    await expect(sink.writeEpoch(1, rows(20, 25))).rejects.toBe(error)
    expect(rowsSent()).toBe(20)
  })
})
