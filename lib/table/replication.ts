import type { Client } from 'cassandra-driver'
import { readOptions } from './readOptions.ts'

/** Replicas of each partition of a keyspace. */
export interface Replication {
  /** Replicas in the coordinator's datacenter. */
  readonly datacenter: string
  readonly inDatacenter: number
  readonly inAll: number
}

/** Reads how many replicas a keyspace has. Undefined if its strategy does not say. */
export async function readReplication(
  client: Client,
  keyspace: string,
  timeout_ms: number,
): Promise<Replication | undefined> {
  const select = async (cql: string, values: string[]) =>
    (await client.execute(cql, values, readOptions(timeout_ms))).rows[0]
  const [local, found] = await Promise.all([
    select('SELECT data_center FROM system.local', []),
    select('SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?', [keyspace]),
  ])
  const datacenter = String(local?.['data_center'] ?? '')
  return found === undefined ? undefined : replicationOf(entriesOf(found['replication']), datacenter)
}

/** @param options of the keyspace, including the class of its strategy */
function replicationOf(
  options: Readonly<Record<string, string>>,
  datacenter: string,
): Replication | undefined {
  const strategy = (options['class'] ?? '').split('.').at(-1)
  const { class: _, ...factors } = options
  const counts = Object.values(factors).map(countOf)
  if (counts.some(Number.isNaN)) return undefined
  if (strategy === 'SimpleStrategy') {
    // The ring decides in which datacenters its replicas are.
    const [all = 0] = counts
    return { datacenter, inDatacenter: all, inAll: all }
  }
  if (strategy !== 'NetworkTopologyStrategy') return undefined
  const inAll = counts.reduce((sum, count) => sum + count, 0)
  return { datacenter, inDatacenter: countOf(factors[datacenter] ?? '0'), inAll }
}

/** `3`, or `3/1` if one of three is transient. */
function countOf(factor: string): number {
  return /^\d+(\/\d+)?$/.test(factor) ? Number.parseInt(factor, 10) : Number.NaN
}

/** A map as the driver reads it: an object, or a Map if its user asked for one. */
function entriesOf(map: unknown): Record<string, string> {
  return map instanceof Map ? Object.fromEntries(map) : { ...(map as Record<string, string>) }
}
