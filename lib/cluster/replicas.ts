import type { Client } from 'cassandra-driver'
import type { ConsistencyName } from '../options/options.ts'
import { type Replication, readReplication } from '../table/replication.ts'
import { within } from './within.ts'

/**
 * Replicas that a keyspace must have. Any number is enough for a quorum or for ALL. The number in the
 * server's error is not used, because it includes joining replicas, and those that the keyspace had before ALTER KEYSPACE.
 */
const needed: Readonly<Record<ConsistencyName, number>> = {
  ONE: 1,
  LOCAL_ONE: 1,
  TWO: 2,
  THREE: 3,
  QUORUM: 1,
  LOCAL_QUORUM: 1,
  EACH_QUORUM: 1,
  ALL: 1,
}

/** What is known about the requests. */
interface ReplicaSettings {
  readonly keyspace: string
  readonly consistency: ConsistencyName
  readonly request_timeout_ms: number
}

/** Whether a keyspace has the replicas that a consistency level needs. Concurrent requests share one look. */
export class Replicas {
  readonly #client: Client
  readonly #settings: ReplicaSettings
  #replication: Promise<Replication | undefined> | undefined

  constructor(client: Client, settings: ReplicaSettings) {
    this.#client = client
    this.#settings = settings
  }

  /**
   * Why missing replicas will never come, and what to change. Undefined if they may come, or if no node answers within the limit.
   */
  async unmet(limit_ms: number): Promise<string | undefined> {
    const { keyspace, consistency, request_timeout_ms } = this.#settings
    this.#replication ??= readReplication(this.#client, keyspace, request_timeout_ms).finally(() => {
      this.#replication = undefined
    })
    const replication = await within(limit_ms, this.#replication).catch(() => undefined)
    if (replication === undefined) return undefined
    const { inAll, inDatacenter, datacenter } = replication
    const isLocal = consistency.startsWith('LOCAL_')
    const replicas = isLocal ? inDatacenter : inAll
    const required = needed[consistency]
    if (required <= replicas) return undefined
    const where = isLocal ? `${replicas} in datacenter ${datacenter}` : String(replicas)
    return (
      `Consistency ${consistency} needs ${required} replicas of each row, and keyspace \`${keyspace}\` has ${where}. ` +
      'Change the option `consistency` or the replication of the keyspace'
    )
  }
}
