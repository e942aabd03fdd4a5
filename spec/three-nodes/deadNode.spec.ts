import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import type { ConsistencyName } from '../../lib/options/options.ts'
import { compare, DEFINITION, Load } from '../faults/load.ts'
import { TIMEOUT_MS, useThreeNodes } from './cluster.ts'

/** Rows per second of the source. Fewer than two nodes can write, so that the speed of the nodes does not matter. */
const PACE = 600

const three = useThreeNodes()
beforeAll(async () => {
  for (const factor of [1, 2]) {
    const replication = `{'class': 'SimpleStrategy', 'replication_factor': ${factor}}`
    await three.client.execute(`CREATE KEYSPACE dead_${factor} WITH replication = ${replication}`)
    await three.client.execute(`CREATE TABLE dead_${factor}.t (${DEFINITION})`)
  }
}, TIMEOUT_MS)

describe('while one of three nodes is away, rows with living replicas are stored, and the last version of each row stays', {
  timeout: TIMEOUT_MS,
}, () => {
  it.each<['pause' | 'kill', number, ConsistencyName, number]>([
    // The hanging node is also the coordinator of its rows.
    ['pause', 1, 'ONE', 2 / 3],
    ['kill', 1, 'ONE', 2 / 3],
    ['kill', 2, 'LOCAL_QUORUM', 1 / 3],
  ])('after a %s, at a replication factor of %i and %s', async (fault, factor, consistency, living) => {
    const { cassandra, client } = three
    const sink = createCassandraWritable({
      host: cassandra.contactPoints.map(point => point.split(':')[0] ?? ''),
      port: cassandra.port,
      keyspace: `dead_${factor}`,
      table: 't',
      consistency,
      retry_timeout_ms: 300_000,
    })
    const load = new Load(sink, PACE)
    await delay(3_000)
    await cassandra[fault](3)
    let restored: Promise<void> | undefined
    const restore = () => {
      restored ??= fault === 'pause' ? cassandra.resume(3) : cassandra.start(3)
      return restored
    }
    onTestFinished(restore, TIMEOUT_MS)
    // A coordinator needs 2 s to notice that a replica does not answer. After three such faults the replica set counts as failing.
    await delay(8_000)
    const before = { given: load.given, written: sink.stats.rows_written }
    await delay(6_000)
    const given = load.given - before.given
    expect(given).toBeGreaterThan(4 * PACE)
    expect((sink.stats.rows_written - before.written) / given).toBeGreaterThan(living * 0.8)
    // The rows without a living replica wait, among them many versions of the same rows.
    expect(sink.stats.rows_accepted - sink.stats.rows_written).toBeGreaterThan(PACE)
    const stopping = load.stop()
    await restore()
    const ended = await stopping
    const rows = ended.given
    expect(ended.error).toBeUndefined()
    expect(sink.stats).toMatchObject({ rows_accepted: rows, rows_written: rows, rows_failed: 0 })
    const compared = await compare(client, `dead_${factor}.t`, ended, sink)
    expect(compared).toEqual({ rows, lost: 0, wrong: 0, reported: 0 })
    await client.execute(`TRUNCATE dead_${factor}.t`)
  })
})
