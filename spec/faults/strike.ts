import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client, types } from 'cassandra-driver'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { blameless, type Comparison, compare, DEFINITION, Load } from './load.ts'
import type { FaultResult } from './result.ts'

/** Rows per second of the source. Two nodes can write them while a third one starts on the same two cores. */
export const PACE = 200

/** Milliseconds of load between the first acknowledgement and the fault, and after the fault. */
const AROUND_MS = 2_000

/** Milliseconds after the fault for the rows that wait. A load that takes longer hangs. */
const END_MS = 90_000

/** A cluster, and a client to read the table. */
export interface Target {
  readonly cassandra: { readonly contactPoints: readonly string[]; readonly port: number }
  readonly client: Client
}

/** How the rows of a load are stored. */
export interface Storage {
  /** Replicas of each row. */
  readonly factor: number
  /** Consistency of the read that compares the table. @default LOCAL_QUORUM */
  readonly readAt?: types.consistencies
  /** Called after the table is created and before the load. */
  readonly before?: () => Promise<void>
  /** More options of the sink. */
  readonly options?: Partial<CassandraWritableOptions>
}

/** A load and a fault in the middle of it. */
export interface Struck {
  readonly load: Load
  readonly keyspace: string
}

export interface Outcome extends Comparison {
  readonly took_ms: number
  /** The error that ended the load early. */
  readonly error: unknown
}

/** A fault of a cluster, and what must hold for the rows of a load. */
export interface Fault<Cluster extends Target> {
  readonly fault: string
  readonly promise: string
  readonly run: (target: Cluster) => Promise<Outcome>
}

let strikes = 0

/** Runs a load with a fault, and compares the table afterwards. The fault restores the cluster itself. */
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
    // In every second load.
    ...(++strikes % 2 === 1 && { on_bad_row: blameless }),
    ...options,
  })
  try {
    const load = new Load(sink, PACE)
    while (sink.stats.rows_written === 0 && !sink.destroyed) await delay(50)
    await delay(AROUND_MS)
    await fault({ load, keyspace }).catch((problem: unknown) => {
      // The error that ended the load tells more than the problem that follows from it.
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

/** Same as {@link strike} for a load that must end without an error. */
export async function finishes(...struck: Parameters<typeof strike>): Promise<Outcome> {
  const outcome = await strike(...struck)
  const { error } = outcome
  if (error !== undefined) throw new Error('The load ended with an error', { cause: error })
  return outcome
}

/** The result of one run. */
export function resultOf(
  { fault, promise }: Pick<Fault<Target>, 'fault' | 'promise'>,
  outcome: Outcome,
): FaultResult {
  const { rows, lost, wrong, reported, took_ms } = outcome
  return { fault, promise, runs: 1, rows, lost, wrong, reported, took_ms }
}

/** Replication of a keyspace in CQL. */
export function replication(factor: number): string {
  return `{'class': 'SimpleStrategy', 'replication_factor': ${factor}}`
}

/** Rows that are written during a promise, as a share of those that the source offers at its pace. */
export async function shareWritten({ sink }: Load, during: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  const before = sink.stats.rows_written
  await during()
  return (sink.stats.rows_written - before) / ((PACE * (performance.now() - from)) / 1000)
}
