import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openCheckpoint } from '../../../lib/checkpoint/file/fileCheckpoint.ts'
import {
  CassandraStreamsError,
  createMicroBatchSink,
  type MicroBatchSink,
  type MicroBatchSinkOptions,
} from '../../../lib/index.ts'
import { FakeClient } from '../../fake/fakeClient.ts'
import { serverError } from '../../stream/support.ts'
import { sealOf } from '../checkpoint/epochs.ts'

let folder: string
let client: FakeClient

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  client = new FakeClient()
  client.automatic = true
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

interface Row {
  readonly id: number
  readonly v?: unknown
}

const rowsFrom = (from: number, to: number): Row[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: 'v' }))

const sinkWith = (more: Partial<MicroBatchSinkOptions<Row>> = {}) =>
  createMicroBatchSink<Row>({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    checkpoint_location: join(folder, 'orders'),
    rows_per_epoch: 10,
    epoch_interval_ms: 3_600_000,
    ...more,
  })

function expectSum({ stats }: MicroBatchSink<Row>): void {
  const { rows_accepted, rows_written, rows_deleted, rows_failed, rows_buffered, rows_in_flight } = stats
  const all = [rows_written, rows_deleted, rows_failed, rows_buffered, rows_in_flight]
  expect(Math.min(...all)).toBeGreaterThanOrEqual(0)
  expect(all.reduce((a, b) => a + b)).toBe(rows_accepted)
}

/** Watches a sink to its end: all its errors, and its counts at each turn of the event loop. */
async function watch(sink: MicroBatchSink<Row>, act: (told: (error: unknown) => void) => unknown) {
  const errors = new Set<unknown>()
  const told = (error: unknown) => {
    if (error == null) return
    errors.add(error)
    expectSum(sink)
    const { rows_written, rows_deleted, rows_failed } = sink.stats
    if (error instanceof CassandraStreamsError) {
      expect(error.counts).toMatchObject({ rows_written, rows_deleted, rows_failed })
    }
  }
  sink.on('error', told)
  const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
  let isClosed = false
  void closed.then(() => {
    isClosed = true
  })
  await act(told)
  while (!isClosed) {
    expectSum(sink)
    await new Promise(resolve => setImmediate(resolve))
  }
  expectSum(sink)
  const { rows_accepted, rows_written, rows_deleted, rows_failed } = sink.stats
  expect(rows_written + rows_deleted + rows_failed).toBe(rows_accepted)
  return { rows_accepted, rows_written, rows_failed, errors: [...errors] as CassandraStreamsError[] }
}

/** Seals rows as epoch 0 and crashes before they are acknowledged. */
async function sealed(rows: readonly Row[]): Promise<void> {
  client.automatic = false
  const sink = sinkWith()
  const written = sink.writeEpoch(0, rows).catch(() => {})
  await client.nextWrite()
  const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
  sink.destroy()
  await Promise.all([closed, written])
  client = new FakeClient()
  client.automatic = true
}

describe('the counts of a micro-batch sink', () => {
  it('include the rows of an epoch that is being collected', async () => {
    const sink = sinkWith()
    await sink.open()
    for (const row of rowsFrom(0, 7)) await new Promise(resolve => sink.write(row, resolve))
    expect(sink.stats).toMatchObject({ rows_accepted: 7, rows_buffered: 7 })
    const ends = await watch(sink, () => sink.end())
    expect(ends).toMatchObject({ rows_accepted: 7, rows_written: 7, rows_failed: 0, errors: [] })
    expect(sink.ended).toBe('committed')
  })

  it('are right when Cassandra refuses a row while the next epoch is collected', async () => {
    const sink = sinkWith({ rows_per_batch: 1, concurrency: 1 })
    await sink.open()
    client.automatic = false
    const ends = await watch(sink, async told => {
      for (const row of rowsFrom(0, 15)) sink.write(row, told)
      ;(await client.nextWrite()).acknowledge()
      ;(await client.nextWrite()).fail(serverError(0x2100))
    })
    expect(ends).toMatchObject({ rows_written: 1, rows_failed: ends.rows_accepted - 1 })
    expect(ends.rows_accepted).toBeGreaterThan(10)
    expect(ends.errors).toMatchObject([{ code: 'ERR_CASSANDRA_UNAUTHORIZED', counts: { rows_written: 1 } }])
  })

  it('are right when a row of write() is refused', async () => {
    const sink = sinkWith()
    const ends = await watch(sink, told => {
      for (const row of [...rowsFrom(0, 13), { id: 13, v: 7 }, { id: 14 }]) sink.write(row, told)
    })
    expect(ends).toMatchObject({ rows_accepted: 13, rows_written: 10, rows_failed: 3 })
    expect(ends.errors[0]).toMatchObject({ code: 'ERR_CASSANDRA_VALUE', counts: { rows_failed: 3 } })
  })

  it('are right when epochs of writeEpoch() are refused and others follow', async () => {
    await sealed(rowsFrom(0, 4))
    let fails = false
    const position = ({ id }: Row) => {
      if (fails) throw new Error('no place')
      return id
    }
    const sink = sinkWith({ max_buffered_bytes: 65_536, position })
    const ends = await watch(sink, async told => {
      const refused = async (rows: Iterable<Row>, code: string, epoch_id = 0) => {
        const error = await sink.writeEpoch(epoch_id, rows).catch(reason => reason)
        expect(error).toMatchObject({ code })
        told(error)
      }
      await refused(rowsFrom(0, 3), 'ERR_CASSANDRA_REPLAY_DIFFERS')
      await sink.writeEpoch(0, rowsFrom(0, 4))
      await refused([...rowsFrom(0, 3), { id: 3, v: 7 }], 'ERR_CASSANDRA_VALUE', 1)
      await refused(
        [
          { id: 1, v: 'x'.repeat(20_000) },
          { id: 2, v: 'x'.repeat(20_000) },
        ],
        'ERR_CASSANDRA_EPOCH',
        1,
      )
      await refused([], 'ERR_CASSANDRA_EPOCH', 9)
      fails = true
      await refused(rowsFrom(0, 1), 'ERR_CASSANDRA_POSITION', 1)
      fails = false
      await sink.writeEpoch(1, rowsFrom(0, 5))
      sink.end()
    })
    expect(ends).toMatchObject({ rows_accepted: 3 + 4 + 3 + 2 + 5, rows_written: 9, rows_failed: 8 })
    expect(sink.ended).toBe('committed')
  })

  it('are right when another sink takes the checkpoint over', async () => {
    const sink = sinkWith()
    const ends = await watch(sink, async told => {
      await sink.writeEpoch(0, rowsFrom(0, 4))
      await using other = sinkWith({ take_over: true })
      await other.open()
      await sink.writeEpoch(1, rowsFrom(4, 8)).catch(told)
      expect(client.writes.length).toBe(1)
    })
    expect(ends).toMatchObject({ rows_accepted: 8, rows_written: 4, rows_failed: 4 })
    expect(ends.errors).toMatchObject([
      { code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED', counts: { rows_failed: 4 } },
    ])
  })

  it.each([
    ['fewer rows', rowsFrom(0, 300)],
    ['whole blocks of rows', rowsFrom(0, 512)],
    ['no row', []],
  ])('cover a replay that ends early, with %s', async (_, rows) => {
    await sealed(rowsFrom(0, 600))
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const sink = sinkWith()
    const ends = await watch(sink, () => {
      for (const row of rows) sink.write(row)
      sink.end()
    })
    expect(ends).toMatchObject({ rows_accepted: rows.length, rows_failed: rows.length, errors: [] })
    expect(sink.ended).toBe('in replay')
    expect(client.writes).toEqual([])
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'Epoch 0 stays sealed: the stream ended before all of its 600 rows were replayed. The next run must replay it.',
    ])
    const again = sinkWith()
    expect(await again.writeEpoch(0, rowsFrom(0, 600))).toMatchObject({ replayed: true })
    again.end()
    await new Promise(resolve => again.once('close', resolve))
    expect(again.ended).toBe('committed')
  })

  it('come with an error about other rows if a replay ends early with other rows', async () => {
    await sealed(rowsFrom(0, 600))
    const sink = sinkWith()
    const ends = await watch(sink, () => {
      for (const row of [...rowsFrom(1, 300)]) sink.write(row)
      sink.end()
    })
    expect(ends.errors).toMatchObject([
      { code: 'ERR_CASSANDRA_REPLAY_DIFFERS', counts: { rows_failed: 299 } },
    ])
    expect(sink.ended).toBeUndefined()
  })

  it('stay right when the stream ends without a row and commits an unfinished epoch without rows', async () => {
    const target = { cluster: 'fake', keyspace: 'ks', table: 't', table_id: 'table-1' }
    const checkpoint = await openCheckpoint(join(folder, 'orders'), target)
    await checkpoint.seal(sealOf(0, { rows: 0, blocks: [], rows_total: 0, sealed_at_ms: Date.now() }))
    await checkpoint.close()
    const sink = sinkWith()
    const commits: number[] = []
    sink.on('commit', ({ epoch_id }) => commits.push(epoch_id))
    sink.end()
    await new Promise(resolve => sink.once('close', resolve))
    expect([sink.ended, commits]).toEqual(['committed', [0]])
  })
})
