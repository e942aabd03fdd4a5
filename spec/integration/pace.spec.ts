import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCassandraWritable, createMicroBatchSink } from '../../lib/index.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('pace_spec')
const checkpoints = useCheckpoints()
const RATE = 500
const rowsOf = (count: number) => Array.from({ length: count }, (_, id) => ({ id }))

describe('max_rows_per_second', () => {
  it.each([
    [
      'a Writable',
      (table: string) => createCassandraWritable({ ...ks.target, table, max_rows_per_second: RATE }),
    ],
    [
      'a Writable with large and slow flushes',
      (table: string) =>
        createCassandraWritable({
          ...ks.target,
          table,
          max_rows_per_second: RATE,
          rows_per_batch: 100_000,
          flush_interval_ms: 60_000,
        }),
    ],
    [
      'epochs',
      (table: string) =>
        createMicroBatchSink({
          ...ks.target,
          table,
          checkpoint_location: checkpoints.location(),
          max_rows_per_second: RATE,
        }),
    ],
  ])(
    'is kept by %s, evenly',
    async (_, open) => {
      const table = await ks.table('id int PRIMARY KEY')
      const sent: { at: number; rows: number }[] = []
      const listener = (message: unknown) => {
        const context = message as { table: string; keyspace: string; rows: number }
        if (context.table === table && context.keyspace === ks.name)
          sent.push({ at: performance.now(), rows: context.rows })
      }
      subscribe('tracing:cassandra-streams:request:start', listener)
      onTestFinished(() => void unsubscribe('tracing:cassandra-streams:request:start', listener))
      const sink = open(table)
      await pipeline(Readable.from(rowsOf(4 * RATE)), sink)
      expect(sink.stats).toMatchObject({ rows_written: 4 * RATE })
      for (const { at } of sent) {
        const second = sent.filter(other => other.at >= at && other.at < at + 1_000)
        expect(second.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(2 * RATE)
      }
      const took_ms = (sent.at(-1)?.at ?? 0) - (sent[0]?.at ?? 0)
      expect(took_ms).toBeGreaterThan(3_500)
    },
    60_000,
  )

  it('leaves no timer behind', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...ks.target, table, max_rows_per_second: 1 })
    for (const row of rowsOf(5)) sink.write(row)
    while (sink.stats.rows_written === 0) await new Promise(resolve => setTimeout(resolve, 10))
    const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const before = timers()
    sink.destroy()
    await new Promise(resolve => sink.once('close', resolve))
    expect(timers()).toBeLessThan(before)
  })
})
