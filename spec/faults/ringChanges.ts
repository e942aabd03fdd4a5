import { ok } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import type { Load } from './load.ts'
import { QUARANTINE_MS, type RingCluster } from './ringCluster.ts'
import { type Fault, finishes, type Outcome } from './strike.ts'

/** Lowest number of rows that wait while a node is away. More than are in flight to nodes that answer. */
const PARKED = 150

/** Three nodes whose ring changes, and a client for reading. */
export interface Ring {
  readonly cassandra: RingCluster
  readonly client: Client
}

/** The third node hands its rows over and leaves. A new node with its address joins and takes rows over. */
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

/** A dead node is removed from the ring. Living nodes take over its rows. */
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

/** An empty node replaces a dead one and takes its tokens. */
async function replaced(ring: Ring): Promise<Outcome> {
  return await afterDeath(ring, async load => {
    await ring.cassandra.replace(3)
    await allGoOn(load)
  })
}

/** With one replica per row. The node dies before the first row, because rows that it acknowledged would be lost with it. */
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

/** Waits until more rows are written. */
async function goesOn({ sink }: Load): Promise<void> {
  const before = sink.stats.rows_written
  await delay(5_000)
  ok(sink.stats.rows_written > before, 'rows are written after the ring has changed')
}

/** Waits until no rows are held back while more rows come. */
async function allGoOn(load: Load): Promise<void> {
  for (const until = performance.now() + 60_000; waiting(load) >= PARKED; await delay(200)) {
    ok(performance.now() < until, `rows are parked: ${JSON.stringify(load.sink.stats)}`)
  }
}

/** The host id of a node. */
async function hostIdOf({ client, cassandra }: Ring, address: string): Promise<string> {
  const host = client.hosts.get(`${address}:${cassandra.port}`)
  if (host === undefined) throw new Error(`The client does not know ${address}`)
  const { rows } = await client.execute('SELECT host_id FROM system.local', [], { host })
  return String(rows[0]?.['host_id'])
}

/** Each change runs once and leaves three nodes. */
export const ringChanges: readonly Fault<Ring>[] = [
  {
    fault: 'one of three nodes decommissioned, a new one joined (RF 2)',
    promise: 'rows are written all the time, and the load ends without an error',
    run: decommissioned,
  },
  {
    fault: 'a dead node replaced (RF 1)',
    promise: 'rows of the dead node wait until it is replaced, and the load ends without an error',
    run: replaced,
  },
  {
    fault: 'a dead node removed, a new one joined (RF 1)',
    promise: 'rows of the dead node wait until it is removed, and the load ends without an error',
    run: removed,
  },
]
