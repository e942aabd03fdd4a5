import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createMicroBatchSink } from '../../../lib/index.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

it.each([
  [10_000, 30_000, [1_000, 2_000, 4_000, 8_000, 10_000, 5_000]],
  [1_500, 5_000, [1_000, 1_500, 1_500, 1_000]],
  [10, 35, [10, 10, 10, 5]],
])(
  'epochs grow to rows_per_epoch: %i, and those of the next run too',
  async (rows_per_epoch, rows, sizes) => {
    const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    for (let run = 0; run < 2; run++) {
      const client = new FakeClient()
      client.automatic = true
      const sink = createMicroBatchSink({
        client: client.asClient,
        keyspace: 'ks',
        table: 't',
        checkpoint_location: join(folder, 'orders'),
        rows_per_epoch,
        epoch_interval_ms: 3_600_000,
      })
      const committed: number[] = []
      sink.on('commit', ({ rows }) => committed.push(rows))
      await pipeline(Readable.from(Array.from({ length: rows }, (_, id) => ({ id }))), sink)
      expect(committed).toEqual(sizes)
    }
  },
)

it('epochs grow only when they are full', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const client = new FakeClient()
  client.automatic = true
  const sink = createMicroBatchSink({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    checkpoint_location: join(folder, 'orders'),
    epoch_interval_ms: 3_600_000,
  })
  const committed: number[] = []
  sink.on('commit', ({ rows }) => committed.push(rows))
  for (let id = 0; id < 3; id++) {
    sink.write({ id })
    await sink.flush()
  }
  await pipeline(Readable.from(Array.from({ length: 4_000 }, (_, id) => ({ id }))), sink)
  expect(committed).toEqual([1, 1, 1, 1_000, 2_000, 1_000])
})

it.each([true, false])(
  'epochs end earlier if rows that are kept for on_bad_row are large: %s',
  async isKept => {
    const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const client = new FakeClient()
    client.automatic = true
    const sink = createMicroBatchSink({
      client: client.asClient,
      keyspace: 'ks',
      table: 't',
      checkpoint_location: join(folder, 'orders'),
      epoch_interval_ms: 3_600_000,
      max_buffered_bytes: 65_536,
      operation_column: 'op',
      ...(isKept && { on_bad_row: () => {} }),
    })
    const committed: number[] = []
    sink.on('commit', ({ rows }) => committed.push(rows))
    // A delete sends the key only, and the whole row is kept.
    const rows = Array.from({ length: 9 }, (_, id) => ({ id, v: 'x'.repeat(12_000), op: 'delete' }))
    await pipeline(Readable.from(rows), sink)
    expect(committed).toEqual(isKept ? [3, 3, 3] : [9])
  },
)
