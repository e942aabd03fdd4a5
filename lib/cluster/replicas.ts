import type { Client } from 'cassandra-driver'
import { WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { type Replication, readReplication } from '../table/replication.ts'
import type { DriverError } from './fault.ts'
import { within } from './within.ts'

/** Whether a keyspace has the replicas that a consistency level needs, asked once for all requests that want to know. */
export class Replicas {
  readonly #client: Client
  readonly #settings: WriteSettings
  #replication: Promise<Replication | undefined> | undefined

  constructor(client: Client, settings: WriteSettings) {
    this.#client = client
    this.#settings = settings
  }

  /** Why replicas that are missing will never come; undefined while they may, or if nobody tells within the limit. */
  async unmet({ required = 0 }: DriverError, limit_ms: number): Promise<WriteError | undefined> {
    const { keyspace, consistency, request_timeout_ms } = this.#settings
    this.#replication ??= readReplication(this.#client, keyspace, request_timeout_ms).finally(() => {
      this.#replication = undefined
    })
    const replication = await within(limit_ms, this.#replication).catch(() => undefined)
    if (replication === undefined) return undefined
    const { inAll, inDatacenter, datacenter } = replication
    const isLocal = consistency.startsWith('LOCAL_')
    const replicas = isLocal ? inDatacenter : inAll
    if (required <= replicas) return undefined
    const where = isLocal ? `${replicas} in datacenter ${datacenter}` : String(replicas)
    return new WriteError(
      'ERR_CASSANDRA_CONSISTENCY',
      `Consistency ${consistency} needs ${required} replicas of each row, and keyspace \`${keyspace}\` has ${where}. ` +
        'Change the option `consistency` or the replication of the keyspace',
    )
  }
}
