import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { type CommittedEpoch, createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('micro_batch_spec')
const checkpoints = useCheckpoints()

interface Item {
  readonly id: number
  readonly v: string
}

const items = (from: number, to: number): Item[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `v${from + i}` }))

const all = (table: string) => ks.select(`SELECT * FROM ${ks.name}.${table}`)

describe('a micro-batch sink as a Writable', () => {
  it('cuts epochs by rows, commits each in order, and the rest with end()', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const options: MicroBatchSinkOptions<Item> = {
      ...ks.target,
      table,
      checkpoint_location: checkpoints.location(),
      rows_per_epoch: 100,
      epoch_interval_ms: 60_000,
      position: ({ id }) => ({ id }),
    }
    const sink = createMicroBatchSink(options)
    expect(await sink.open()).toBeNull()
    const commits: CommittedEpoch[] = []
    sink.on('commit', epoch => commits.push(epoch))
    await pipeline(Readable.from(items(0, 250)), sink)
    expect(commits).toEqual([
      { epoch_id: 0, rows: 100, position: { id: 99 } },
      { epoch_id: 1, rows: 100, position: { id: 199 } },
      { epoch_id: 2, rows: 50, position: { id: 249 } },
    ])
    expect((await all(table)).length).toBe(250)
    const again = createMicroBatchSink(options)
    expect(await again.open()).toEqual({ epoch_id: 2, position: { id: 249 }, rows_total: 250 })
    again.destroy()
  })
})
