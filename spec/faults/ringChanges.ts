import { ok } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import type { Load } from './load.ts'
import { QUARANTINE_MS, type RingCluster } from './ringCluster.ts'
import { type Fault, finishes, type Outcome } from './strike.ts'

/** Rows that wait, at least, while a node is away: more than are in flight to nodes that answer. */
const PARKED = 150

/** Three nodes whose ring changes, and a client that reads. */
export interface Ring {
  readonly cassandra: RingCluster
  readonly client: Client
}

/** The third node hands its rows over and leaves; a new one with its address joins, and takes rows over. */
async function decommissioned(ring: Ring): Promise<Outcome> {
  const { cassandra } = ring
  return await finishes(ring, { factor: 2 }, async ({ load }) => {
    await cassandra.nodetool(3, 'decommission', '--force')
    await cassandra.kill(3)
    await goesOn(load)
    await delay(QUARANTINE_MS)
    await cassandra.join(3)
    await goesOn(load)
  })
}

/** A dead node leaves the ring: its rows belong to nodes that live. */
async function removed(ring: Ring): Promise<Outcome> {
  const { cassandra } = ring
  const id = await hostIdOf(ring, '127.0.0.3')
  return await afterDeath(ring, async load => {
    await cassandra.nodetool(1, 'removenode', id)
    await allGoOn(load)
    await delay(QUARANTINE_MS)
    await cassandra.join(3)
  })
}

/** A dead node is replaced by an empty one that takes its tokens. */
async function replaced(ring: Ring): Promise<Outcome> {
  return await afterDeath(ring, async load => {
    await ring.cassandra.replace(3)
    await allGoOn(load)
  })
}

/** One replica per row. The node is dead before the first row: what it acknowledged would be lost with it. */
async function afterDeath(ring: Ring, change: (load: Load) => Promise<void>): Promise<Outcome> {
  return await finishes(ring, { factor: 1, before: () => ring.cassandra.kill(3) }, async ({ load }) => {
    await delay(8_000)
    ok(waiting(load) > 2 * PARKED, `rows of the dead node wait, got ${waiting(load)}`)
    await change(load)
  })
}

/** Rows that are accepted and not acknowledged. */
function waiting({ sink: { stats } }: Load): number {
  return stats.rows_accepted - stats.rows_written
}

/** Rows are written while the load goes on. */
async function goesOn({ sink }: Load): Promise<void> {
  const before = sink.stats.rows_written
  await delay(5_000)
  ok(sink.stats.rows_written > before, 'rows are written after the ring has changed')
}

/** Rows no longer wait, while more of them come. */
async function allGoOn(load: Load): Promise<void> {
  for (const until = performance.now() + 60_000; waiting(load) >= PARKED; await delay(200)) {
    ok(performance.now() < until, `rows are parked: ${JSON.stringify(load.sink.stats)}`)
  }
}

/** What a node says of itself. */
async function hostIdOf({ client, cassandra }: Ring, address: string): Promise<string> {
  const host = client.hosts.get(`${address}:${cassandra.port}`)
  if (host === undefined) throw new Error(`The client does not know ${address}`)
  const { rows } = await client.execute('SELECT host_id FROM system.local', [], { host })
  return String(rows[0]?.['host_id'])
}

/** Each one runs once, and leaves three nodes. */
export const ringChanges: readonly Fault<Ring>[] = [
  {
    fault: 'one of three nodes decommissioned, a new one joined (RF 2)',
    promise: 'rows are written all the time, and the load ends without an error',
    run: decommissioned,
  },
  {
    fault: 'a dead node replaced (RF 1)',
    promise: 'its rows wait until then and no longer, and the load ends without an error',
    run: replaced,
  },
  {
    fault: 'a dead node removed, a new one joined (RF 1)',
    promise: 'its rows wait until then and no longer, and the load ends without an error',
    run: removed,
  },
]
