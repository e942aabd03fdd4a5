import type { Client } from 'cassandra-driver'
import { answerWithin } from '../cluster/answerWithin.ts'
import { WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { readOptions } from '../table/readOptions.ts'
import {
  type ClockReading,
  type ClusterClock,
  type ClusterName,
  clockOf,
  processArrivals,
} from './clusterClock.ts'

/** Milliseconds between two checks whether the cluster's clock must be read again. */
const INTERVAL_MS = 5_000

interface CoordinatorReading {
  readonly cluster: ClusterName
  readonly clock: ClockReading
}

/** Asks the coordinator for the time and for the name of its cluster. */
async function readCoordinator(client: Client, timeout_ms: number): Promise<CoordinatorReading> {
  const cql = 'SELECT toUnixTimestamp(now()) AS now, cluster_name, host_id FROM system.local'
  const arrivals = processArrivals()
  const asked = arrivals.now()
  const { rows } = await client.execute(cql, [], { ...readOptions(timeout_ms), prepare: false })
  const answered = arrivals.now()
  const [local] = rows
  const known = client.hosts.values?.().map(({ hostId }) => String(hostId)) ?? []
  const ids = new Set([String(local?.['host_id']), ...known])
  return {
    cluster: { name: String(local?.['cluster_name'] ?? ''), hostIds: [...ids] },
    clock: { coordinator_ms: Number(local?.['now'] ?? 0), asked, answered },
  }
}

/**
 * The clock of the client's cluster, corrected by its coordinator's.
 * @throws WriteError `ERR_CASSANDRA_CLOCK_SKEW` when it differs from this machine's by more than `most_ms`
 */
export async function openClock(
  client: Client,
  most_ms: number,
  timeout_ms: number,
  signal: AbortSignal,
): Promise<ClusterClock> {
  const reading = await answerWithin(timeout_ms, limit_ms => readCoordinator(client, limit_ms), signal)
  const clock = clockOf(reading.cluster)
  const skew_ms = clock.measure(reading.clock, most_ms)
  if (Math.abs(skew_ms) <= most_ms) return clock
  const node = timeOf(reading.clock.coordinator_ms)
  throw new WriteError(
    'ERR_CASSANDRA_CLOCK_SKEW',
    `The clock of Cassandra cluster "${clock.name}" is ${Math.abs(skew_ms)} ms ${skew_ms > 0 ? 'ahead of' : 'behind'} ` +
      `this machine's: the node that answered says ${node}, this machine ${timeOf(Date.now())}. ` +
      `Synchronize both with NTP, or raise \`max_clock_skew_ms\` (${most_ms})`,
  )
}

/**
 * Reads the clock again from time to time. Returns a function that ends that. A coordinator that does not answer, or differs
 * too much, changes nothing.
 *
 * @param looked called each time, because other sinks read the clock too
 */
export function watchClock(
  clock: ClusterClock,
  client: Client,
  { max_clock_skew_ms, request_timeout_ms }: Pick<WriteSettings, 'max_clock_skew_ms' | 'request_timeout_ms'>,
  looked: () => void,
): () => void {
  const look = async () => {
    const reading = clock.isDue && (await readCoordinator(client, request_timeout_ms).catch(() => undefined))
    if (reading) clock.measure(reading.clock, max_clock_skew_ms)
    looked()
  }
  const timer = setInterval(look, INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** ISO 8601, for any number that a node may report. */
function timeOf(milliseconds: number): string {
  const time = new Date(milliseconds)
  return Number.isNaN(time.getTime()) ? `${milliseconds} ms since 1970` : time.toISOString()
}
