import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createMicroBatchSink, type MicroBatchSinkOptions } from '../../../lib/index.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

interface Row {
  readonly id: number
  readonly v?: string
  readonly op?: string
}

/** A folder for a checkpoint, and sinks on it with the numbers of rows of their committed epochs. */
async function scene() {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return (options: Partial<MicroBatchSinkOptions<Row>>) => {
    const client = new FakeClient()
    client.automatic = true
    const sink = createMicroBatchSink<Row>({
      client: client.asClient,
      keyspace: 'ks',
      table: 't',
      checkpoint_location: join(folder, 'orders'),
      epoch_interval_ms: 3_600_000,
      ...options,
    })
    const committed: number[] = []
    sink.on('commit', ({ rows }) => committed.push(rows))
    return { sink, committed }
  }
}

const rowsOf = (count: number) => Readable.from(Array.from({ length: count }, (_, id) => ({ id })))

it.each([
  [10_000, 30_000, [1_000, 2_000, 4_000, 8_000, 10_000, 5_000]],
  [1_500, 5_000, [1_000, 1_500, 1_500, 1_000]],
  [10, 35, [10, 10, 10, 5]],
])(
  'epochs grow to rows_per_epoch: %i, and those of the next run too',
  async (rows_per_epoch, rows, sizes) => {
    const open = await scene()
    for (let run = 0; run < 2; run++) {
      const { sink, committed } = open({ rows_per_epoch })
      await pipeline(rowsOf(rows), sink)
      expect(committed).toEqual(sizes)
    }
  },
)

it('epochs grow only when they are full', async () => {
  const { sink, committed } = (await scene())({})
  for (let id = 0; id < 3; id++) {
    sink.write({ id })
    await sink.flush()
  }
  await pipeline(rowsOf(4_000), sink)
  expect(committed).toEqual([1, 1, 1, 1_000, 2_000, 1_000])
})

it.each([true, false])(
  'epochs end earlier if rows that are kept for on_bad_row are large: %s',
  async isKept => {
    const { sink, committed } = (await scene())({
      max_buffered_bytes: 65_536,
      operation_column: 'op',
      ...(isKept && { on_bad_row: () => {} }),
    })
    // A delete sends the key only, and the whole row is kept.
    const rows = Array.from({ length: 9 }, (_, id) => ({ id, v: 'x'.repeat(12_000), op: 'delete' }))
    await pipeline(Readable.from(rows), sink)
    expect(committed).toEqual(isKept ? [3, 3, 3] : [9])
  },
)
