import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client, types } from 'cassandra-driver'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { type Comparison, compare, DEFINITION, Load } from './load.ts'
import type { FaultResult } from './result.ts'

/** Rows per second that the source brings: fewer than two nodes take beside a third that starts, on two cores. */
export const PACE = 200

/** Milliseconds of load before a fault, from the first acknowledgement on, and after it. */
const AROUND_MS = 2_000

/** Longest time in milliseconds for the rows that wait when the fault is over. A load that takes longer hangs. */
const END_MS = 90_000

/** A cluster, and a client that reads the table. */
export interface Target {
  readonly cassandra: { readonly contactPoints: readonly string[]; readonly port: number }
  readonly client: Client
}

/** How the rows of a load are stored. */
export interface Storage {
  /** Replicas of each row. */
  readonly factor: number
  /** Of the read that compares the table, LOCAL_QUORUM unless told. */
  readonly readAt?: types.consistencies
  /** Called when the table is there and the load is not. */
  readonly before?: () => Promise<void>
  /** What the sink is told beside the table. */
  readonly options?: Partial<CassandraWritableOptions>
}

/** A load in the middle of which something happens. */
export interface Struck {
  readonly load: Load
  readonly keyspace: string
}

export interface Outcome extends Comparison {
  readonly took_ms: number
  /** What ended the load before its time. */
  readonly error: unknown
}

/** A fault of a cluster in the middle of a load, and what must hold for the rows. */
export interface Fault<Cluster extends Target> {
  readonly fault: string
  readonly promise: string
  readonly run: (target: Cluster) => Promise<Outcome>
}

/** Runs a load through a fault, and compares the table when the load is over. The fault mends what it broke. */
export async function strike(
  { cassandra, client }: Target,
  { factor, readAt, before, options }: Storage,
  fault: (struck: Struck) => Promise<void>,
): Promise<Outcome> {
  const keyspace = `faults_${randomBytes(4).toString('hex')}`
  await client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = ${replication(factor)}`)
  await client.execute(`CREATE TABLE ${keyspace}.t (${DEFINITION})`)
  await before?.()
  const sink = createCassandraWritable({
    host: cassandra.contactPoints.map(point => point.split(':')[0] ?? ''),
    port: cassandra.port,
    keyspace,
    table: 't',
    retry_timeout_ms: 300_000,
    ...options,
  })
  try {
    const load = new Load(sink, PACE)
    while (sink.stats.rows_written === 0 && !sink.destroyed) await delay(50)
    await delay(AROUND_MS)
    await fault({ load, keyspace }).catch((problem: unknown) => {
      // What ended the load tells more than what was missed because of that.
      throw sink.errored === null ? problem : new Error(`${problem}`, { cause: sink.errored })
    })
    await delay(AROUND_MS)
    const ended = await Promise.race([load.stop(), delay(END_MS)])
    if (ended === undefined) throw new Error(`The load hangs: ${JSON.stringify(sink.stats)}`)
    const { error, took_ms } = ended
    return { ...(await compare(client, `${keyspace}.t`, ended, sink, { readAt })), error, took_ms }
  } finally {
    sink.destroy()
    await client.execute(`DROP KEYSPACE ${keyspace}`)
  }
}

/** As {@link strike}, for a load that ends without an error. */
export async function finishes(...struck: Parameters<typeof strike>): Promise<Outcome> {
  const outcome = await strike(...struck)
  const { error } = outcome
  if (error !== undefined) throw new Error('The load ended with an error', { cause: error })
  return outcome
}

/** The row of a table that one run gives. */
export function resultOf(
  { fault, promise }: Pick<Fault<Target>, 'fault' | 'promise'>,
  outcome: Outcome,
): FaultResult {
  const { rows, lost, wrong, reported, took_ms } = outcome
  return { fault, promise, runs: 1, rows, lost, wrong, reported, took_ms }
}

/** Replication of a keyspace, as CQL. */
export function replication(factor: number): string {
  return `{'class': 'SimpleStrategy', 'replication_factor': ${factor}}`
}

/** Rows that are written while something goes on, as a share of those that the source would bring. */
export async function shareWritten({ sink }: Load, during: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  const before = sink.stats.rows_written
  await during()
  return (sink.stats.rows_written - before) / ((PACE * (performance.now() - from)) / 1000)
}
