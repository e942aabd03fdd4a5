import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  type Acknowledged,
  type CassandraStreamsError,
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
} from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('acknowledged_spec')
const checkpoints = useCheckpoints()

const rowsOf = (count: number, from = 0) => Array.from({ length: count }, (_, i) => ({ id: from + i }))
const newTable = () => ks.table('id int PRIMARY KEY')
const stored = async (table: string) => {
  const found = await ks.select(`SELECT id FROM ${ks.name}.${table}`)
  return new Set(found.map(({ id }) => Number(id)))
}
const offset = ({ id }: { id: number }) => ({ offset: id * 2 })

/** Delays the answer to every third write, so that answers do not come in the order of rows. */
let proxy: CqlProxy
let writes = 0
beforeAll(async () => {
  proxy = await CqlProxy.start(inject('cassandra'))
})
afterAll(() => proxy?.stop())
const through = () => ({ host: proxy.host, port: proxy.port, keyspace: ks.name })

describe("'acknowledged'", () => {
  it('comes with a row index and position only when that row and all before it are stored', async () => {
    const table = await newTable()
    proxy.decide = () => (writes++ % 3 === 0 ? { delivery: 'now', delay_ms: 20 } : undefined)
    const sink = createCassandraWritable<{ id: number }>({
      ...through(),
      table,
      rows_per_batch: 50,
      batch_by: 'none',
      position: offset,
    })
    const told: Acknowledged[] = []
    const checks: Promise<void>[] = []
    sink.on('acknowledged', acknowledged => {
      told.push(acknowledged)
      const { row_index } = acknowledged
      checks.push(
        stored(table).then(found => {
          for (let id = 0; id <= row_index; id++) expect(found.has(id)).toBe(true)
        }),
      )
    })
    await pipeline(Readable.from(rowsOf(2_000)), sink)
    await Promise.all(checks)
    const indexes = told.map(({ row_index }) => row_index)
    expect(indexes).toEqual([...new Set(indexes)].sort((a, b) => a - b))
    expect(told.length).toBeGreaterThan(3)
    // Once per flush, and once at the end.
    expect(told.length).toBeLessThanOrEqual(2_000 / 50 + 1)
    for (const { row_index, position } of told) expect(position).toEqual({ offset: row_index * 2 })
    expect(told.at(-1)).toEqual({ row_index: 1_999, position: { offset: 3_998 } })
  }, 60_000)

  it('includes rows that were set aside, after the handler is done with them', async () => {
    const table = await newTable()
    const sink = createCassandraWritable<object>({ ...ks.target, table, on_bad_row: () => {} })
    const told: Acknowledged[] = []
    sink.on('acknowledged', acknowledged => told.push(acknowledged))
    await pipeline(Readable.from([...rowsOf(10), { id: 'bad' }, { id: 'worse' }]), sink)
    expect(told.at(-1)).toEqual({ row_index: 11, position: null })
  })

  it('has the position of its row, also if the listener came after the row', async () => {
    const table = await newTable()
    const sink = createCassandraWritable<{ id: number }>({ ...ks.target, table, position: offset })
    const told: Acknowledged[] = []
    for (let round = 0; round < 3; round++) {
      for (const row of rowsOf(5, 5 * round)) sink.write(row)
      sink.once('acknowledged', acknowledged => told.push(acknowledged))
      await sink.flush()
    }
    await new Promise<void>(resolve => sink.end(resolve))
    expect(told).toEqual([4, 9, 14].map(row_index => ({ row_index, position: { offset: 2 * row_index } })))
  })

  it('is a stream on a WritableStream, which ends with the sink and gives a slow reader the latest value', async () => {
    const table = await newTable()
    const stream = createCassandraWritableStream<{ id: number }>({
      ...ks.target,
      table,
      rows_per_batch: 10,
      position: offset,
    })
    const reader = stream.acknowledged.getReader()
    const first = reader.read()
    const loaded = ReadableStream.from(rowsOf(1_000)).pipeTo(stream)
    const { value } = await first
    expect(value?.position).toEqual({ offset: (value?.row_index ?? 0) * 2 })
    await loaded
    expect(await reader.read()).toEqual({
      done: false,
      value: { row_index: 999, position: { offset: 1_998 } },
    })
    expect(await reader.read()).toEqual({ done: true, value: undefined })
  })

  it('comes with each commit of a micro-batch sink', async () => {
    const table = await newTable()
    const checkpoint_location = checkpoints.location()
    const sink = createMicroBatchSink<{ id: number }>({
      ...ks.target,
      table,
      checkpoint_location,
      rows_per_epoch: 400,
      position: offset,
    })
    const told: Acknowledged[] = []
    sink.on('acknowledged', acknowledged => told.push(acknowledged))
    await pipeline(Readable.from(rowsOf(1_000)), sink)
    expect(told).toEqual(
      [399, 799, 999].map(row_index => ({ row_index, position: { offset: row_index * 2 } })),
    )
  })
})

describe('flush()', () => {
  const long = { flush_interval_ms: 60_000, rows_per_batch: 100_000 }
  const epochs = { checkpoint_location: '', epoch_interval_ms: 3_600_000, rows_per_epoch: 1_000_000 }

  it.each([
    ['a Writable', (table: string) => createCassandraWritable({ ...ks.target, table, ...long })],
    [
      'a micro-batch sink',
      (table: string) =>
        createMicroBatchSink({ ...ks.target, table, ...epochs, checkpoint_location: checkpoints.location() }),
    ],
  ])('of %s resolves when all rows so far are stored, without waiting for later rows', async (_, open) => {
    const table = await newTable()
    const sink = open(table)
    await sink.flush()
    // The sink is not open yet, and some rows wait in the queue of the stream.
    for (const row of rowsOf(40)) sink.write(row)
    const flushed = sink.flush()
    for (const row of rowsOf(40, 40)) sink.write(row)
    await flushed
    const found = await stored(table)
    for (const { id } of rowsOf(40)) expect(found.has(id)).toBe(true)
    await sink.flush()
    expect((await stored(table)).size).toBe(80)
    await sink.flush()
    await new Promise<void>(resolve => sink.end(resolve))
    await sink.flush()
  })

  it('of a WritableStream does the same', async () => {
    const table = await newTable()
    const stream = createCassandraWritableStream({ ...ks.target, table, ...long })
    const writer = stream.getWriter()
    for (const row of rowsOf(40)) void writer.write(row)
    await stream.flush()
    expect((await stored(table)).size).toBe(40)
    await writer.close()
  })

  it('rejects with the error of the stream', async () => {
    const table = await newTable()
    const sink = createCassandraWritable<object>({ ...ks.target, table, ...long })
    const failed = new Promise(resolve => sink.once('error', resolve))
    sink.write({ id: 1 })
    sink.write({ id: 'bad' })
    const flushed = sink.flush()
    await expect(flushed).rejects.toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
    await failed
    await expect(sink.flush()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
    const lost = createCassandraWritable({ ...ks.target, table: 'nowhere' })
    lost.on('error', () => {})
    await expect(lost.flush()).resolves.toBeUndefined()
    lost.write({ id: 1 })
    await expect(lost.flush()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
  })
})

describe('unacknowledged rows', () => {
  const failureOf = async (run: Promise<unknown>) =>
    (await run.then(
      () => undefined,
      error => error,
    )) as CassandraStreamsError

  it('are named by the error: the bad row and the rows that were given after it', async () => {
    const table = await newTable()
    const sink = createCassandraWritable<object>({ ...ks.target, table })
    for (const row of [...rowsOf(5), { id: 'bad' }, ...rowsOf(4, 6)]) sink.write(row)
    const error = await failureOf(new Promise((_, reject) => sink.once('error', reject)))
    expect(error.unacknowledged).toEqual([{ from: 5, to: 9 }])
  })

  it.each([1, 2, 3])('are exactly those that are not stored when requests fail for good (%i)', async seed => {
    const table = await newTable()
    let count = 0
    proxy.decide = () =>
      ++count > 20 && (count * seed) % 7 < 3
        ? { delivery: 'never', answer: { code: 0x2100, message: 'no permission' } }
        : undefined
    const sink = createCassandraWritable({ ...through(), table, rows_per_batch: 40, concurrency: 8 })
    const error = await failureOf(pipeline(Readable.from(rowsOf(5_000)), sink))
    expect(error.code).toBe('ERR_CASSANDRA_UNAUTHORIZED')
    const found = await stored(table)
    const unacknowledged = new Set<number>()
    for (const { from, to } of error.unacknowledged ?? []) {
      expect(from).toBeLessThanOrEqual(to)
      for (let row = from; row <= to; row++) unacknowledged.add(row)
    }
    const given = Math.max(...unacknowledged) + 1
    for (let id = 0; id < given; id++) expect(unacknowledged.has(id), `row ${id}`).toBe(!found.has(id))
    expect(error.counts?.rows_written).toBe(found.size)
    proxy.decide = () => undefined
  })

  it('do not include rows that were stored after their request was cut into smaller ones', async () => {
    const table = await ks.table('p int, c int, PRIMARY KEY (p, c)')
    // For all four rows, the first two, the last two, the third, and the last.
    const verdicts = ['refused', 'stored', 'refused', 'stored', 'refused']
    proxy.decide = () =>
      verdicts.shift() === 'refused'
        ? { delivery: 'never', answer: { code: 0x2200, message: 'no such row' } }
        : undefined
    const sink = createCassandraWritable({ ...through(), table, concurrency: 1 })
    const error = await failureOf(pipeline(Readable.from([0, 1, 2, 3].map(c => ({ p: 1, c }))), sink))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_ROW_REFUSED', row_index: 3 })
    expect(error.unacknowledged).toEqual([{ from: 3, to: 3 }])
    expect(verdicts).toEqual([])
    proxy.decide = () => undefined
  })

  it('are named when the stream is destroyed while rows are in flight', async () => {
    const table = await newTable()
    proxy.decide = () => ({ delivery: 'never', answer: 'nothing' })
    const sink = createCassandraWritable({ ...through(), table, rows_per_batch: 10 })
    const flushed = failureOf(sink.flush().then(() => new Promise(resolve => sink.write({ id: 0 }, resolve))))
    for (const row of rowsOf(30)) sink.write(row)
    while (sink.stats.requests_in_flight === 0) await new Promise(resolve => setTimeout(resolve, 10))
    const waiting = failureOf(sink.flush())
    sink.destroy()
    const error = await waiting
    expect(error.code).toBe('ERR_CASSANDRA_WRITE')
    expect(error.unacknowledged).toEqual([{ from: 0, to: 30 }])
    proxy.decide = () => undefined
    await flushed
  })

  const long = { flush_interval_ms: 60_000 }
  const sinks = {
    'a Writable': (table: string) => createCassandraWritable({ ...ks.target, table, ...long }),
    'a micro-batch sink': (table: string) =>
      createMicroBatchSink({ ...ks.target, table, checkpoint_location: checkpoints.location() }),
    'a WritableStream': (table: string) => {
      const stream = createCassandraWritableStream({ ...ks.target, table, ...long })
      const writer = stream.getWriter()
      writer.closed.catch(() => {})
      const write = (row: object) => void writer.write(row).catch(() => {})
      const { flush } = stream
      return {
        stats: stream.stats,
        write,
        flush: flush.bind(stream),
        [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
      }
    },
  }

  it.each(Object.entries(sinks))(
    'of %s that is left early are named by the error, which `flush()` also rejects with',
    async (_, open) => {
      const table = await newTable()
      const sink = open(table)
      for (const row of rowsOf(500)) sink.write(row)
      await sink.flush()
      for (const row of rowsOf(20, 500)) sink.write(row)
      const [flushed, left] = await Promise.all([failureOf(sink.flush()), failureOf(leave(sink))])
      expect(flushed).toBe(left)
      expect(left.message).toContain('left before its end')
      expect(left.counts).toMatchObject({ rows_written: 500 })
      expect(left.unacknowledged).toEqual([{ from: 500, to: 519 }])
    },
  )

  it.each(Object.entries(sinks))('of %s that never opened are all named', async (_, open) => {
    const sink = open(await newTable())
    for (const row of rowsOf(20)) sink.write(row)
    const left = await failureOf(leave(sink))
    expect(left.counts).toMatchObject({ rows_accepted: 0 })
    expect(left.unacknowledged).toEqual([{ from: 0, to: 19 }])
  })

  it('of a WritableStream that aborts with a text are reported by that text', async () => {
    const leaving = new AbortController()
    const stream = createCassandraWritableStream({
      ...ks.target,
      table: await newTable(),
      signal: leaving.signal,
    })
    const writer = stream.getWriter()
    writer.closed.catch(() => {})
    void writer.write({ id: 1 }).catch(() => {})
    const flushed = stream.flush()
    leaving.abort('enough')
    await expect(flushed).rejects.toBe('enough')
  })

  it('of a micro-batch sink begin after its last commit', async () => {
    const table = await newTable()
    const sink = createMicroBatchSink<object>({
      ...ks.target,
      table,
      checkpoint_location: checkpoints.location(),
      rows_per_epoch: 10,
    })
    const rows = [...rowsOf(25), { id: 'bad' }]
    const error = await failureOf(pipeline(Readable.from(rows), sink))
    expect(error.unacknowledged).toEqual([{ from: 20, to: 25 }])
  })
})

function leave(sink: AsyncDisposable): Promise<void> {
  return Promise.resolve(sink[Symbol.asyncDispose]())
}

it('rows that came faster than microseconds pass are not reported before they are acknowledged', async () => {
  const table = await ks.table('p int, c int, PRIMARY KEY (p, c)')
  const sink = createCassandraWritable({ ...ks.target, table })
  let given = 0
  let early = 0
  sink.on('acknowledged', ({ row_index }) => {
    if (sink.stats.rows_written <= row_index) early++
  })
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 1_000; i++)
      if (!sink.write({ p: 1, c: given++ })) await new Promise(resolve => sink.once('drain', resolve))
    await sink.flush()
    if (sink.stats.rows_written < given) early++
  }
  // Before its keyspace is dropped.
  await new Promise<void>(resolve => sink.end(resolve))
  expect(early).toBe(0)
})
