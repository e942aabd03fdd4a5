import { ok } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, types } from 'cassandra-driver'
import { WriteError } from '../../lib/index.ts'
import type { Cassandra } from '../../lib/testing/index.ts'
import { type Coordinators, coordinatorsOf } from './coordinators.ts'
import {
  type Fault,
  finishes,
  type Outcome,
  replication,
  type Storage,
  shareWritten,
  strike,
} from './strike.ts'

/** Three nodes, and a client for reading. */
export interface ThreeNodes {
  readonly cassandra: Cassandra
  readonly client: Client
}

/** Every row on each node, written at LOCAL_QUORUM, so one node may be away. */
const onThree: Storage = { factor: 3 }

/** Lowest share of the rows that must be written while one of three nodes is away. */
const GOES_ON = 0.3

/** Milliseconds after which the sink has noticed that nodes are away. */
const NOTICED_MS = 3_000

const GO_ON = 'rows are written all the time, and the load ends without an error'
const WAIT = 'rows wait, and the load ends without an error'

/** Kills one node with SIGKILL and starts it again. */
function killed(three: ThreeNodes): Promise<Outcome> {
  return finishes(three, onThree, async ({ load }) => {
    const share = await shareWritten(load, async () => {
      await three.cassandra.kill(1)
      await delay(8_000)
    })
    await three.cassandra.start(1)
    ok(share > GOES_ON, `${share} of the rows were written while a node was down`)
  })
}

/** Suspends one node. */
export function paused(three: ThreeNodes, away_ms: number): Promise<Outcome> {
  return finishes(three, onThree, async ({ load }) => {
    const share = await shareWritten(load, async () => {
      await three.cassandra.pause(2)
      await delay(away_ms)
    })
    await three.cassandra.resume(2)
    ok(share > GOES_ON, `${share} of the rows were written while a node hung`)
  })
}

/** Raises and lowers the replication factor during a load. Requests must go to the nodes that now hold the rows. */
export async function replicationAltered(three: ThreeNodes): Promise<Outcome> {
  const coordinators = coordinatorsOf()
  const storage: Storage = {
    factor: 1,
    // Until a repair, a row that was written with one replica is on only one of three nodes.
    readAt: types.consistencies.all,
    options: { client_options: { requestTracker: coordinators.tracker } },
  }
  return await finishes(three, storage, async ({ keyspace }) => {
    for (const factor of [3, 2]) {
      await three.client.execute(`ALTER KEYSPACE ${keyspace} WITH replication = ${replication(factor)}`)
      // After a change the driver waits a second for more changes, and then reads the keyspace.
      await delay(3_000)
      await spread(coordinators, factor)
    }
  })
}

async function spread(coordinators: Coordinators, factor: number): Promise<void> {
  let shares: readonly number[] = []
  // A node may pause during one window, but not during all.
  for (let windows = 0; windows < 8; windows++) {
    coordinators.forget()
    await delay(2_000)
    shares = coordinators.shares()
    if (shares.length === 3 && shares.every(share => share > 0.15)) return
  }
  ok(false, `with ${factor} replicas each node should coordinate rows, got the shares ${shares.join(', ')}`)
}

async function restartedInTurn(three: ThreeNodes): Promise<Outcome> {
  return await finishes(three, onThree, async ({ load }) => {
    const share = await shareWritten(load, async () => {
      for (const node of [1, 2, 3]) {
        await three.cassandra.kill(node)
        await three.cassandra.start(node)
      }
    })
    ok(share > GOES_ON, `${share} of the rows were written during the restarts`)
  })
}

async function twoDown(three: ThreeNodes): Promise<Outcome> {
  return await finishes(three, onThree, async ({ load }) => {
    const share = await whileTwoAreDown(three, async () => {
      await delay(NOTICED_MS)
      return await shareWritten(load, () => delay(8_000))
    })
    ok(share === 0, `${share} of the rows were written while there was no quorum`)
  })
}

async function twoDownForTooLong(three: ThreeNodes): Promise<Outcome> {
  const storage = { ...onThree, options: { retry_timeout_ms: 4_000 } }
  const outcome = await strike(three, storage, async ({ load }) => {
    const ended = await whileTwoAreDown(three, () => Promise.race([load.ended, delay(30_000)]))
    ok(ended !== undefined, 'a load ends when `retry_timeout_ms` is over')
  })
  const { error, reported } = outcome
  ok(error instanceof WriteError && error.code === 'ERR_CASSANDRA_RETRY_TIMEOUT', String(error))
  ok(reported > 0, 'an error names the rows that are not known to be written')
  return outcome
}

async function whileTwoAreDown<T>({ cassandra }: ThreeNodes, then: () => Promise<T>): Promise<T> {
  await Promise.all([cassandra.kill(2), cassandra.kill(3)])
  try {
    return await then()
  } finally {
    await Promise.all([cassandra.start(2), cassandra.start(3)])
  }
}

/** Each fault runs once. */
export const faults: readonly Fault<ThreeNodes>[] = [
  { fault: 'one of three nodes killed, started again after 8 s', promise: GO_ON, run: killed },
  { fault: 'one of three nodes paused for 15 s', promise: GO_ON, run: three => paused(three, 15_000) },
  { fault: 'two of three nodes killed, started again later', promise: WAIT, run: twoDown },
  {
    fault: 'two of three nodes killed for longer than `retry_timeout_ms`',
    promise: 'the load ends with an error that names every row not known to be written',
    run: twoDownForTooLong,
  },
  {
    fault: 'replication factor altered from 1 to 3 to 2',
    promise: 'requests go to all nodes that hold rows, and the load ends without an error',
    run: replicationAltered,
  },
  { fault: 'three nodes killed and started one after the other', promise: GO_ON, run: restartedInTurn },
]
