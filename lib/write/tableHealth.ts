import type { Client } from 'cassandra-driver'
import { type SchemaError, WriteError } from '../errors.ts'
import { type Replication, readReplication } from '../table/replication.ts'
import { schemaChange, type TableSchema } from '../table/schema.ts'
import type { DriverError } from './fault.ts'
import { within } from './within.ts'

/** Whether a table can still be written, asked once for all requests that want to know. */
export class TableHealth {
  readonly #client: Client
  readonly #schema: TableSchema
  readonly #timeout_ms: number
  readonly #consistency: string
  #change: Promise<SchemaError | undefined> | undefined
  #replication: Promise<Replication | undefined> | undefined

  constructor(client: Client, schema: TableSchema, timeout_ms: number, consistency: string) {
    this.#client = client
    this.#schema = schema
    this.#timeout_ms = timeout_ms
    this.#consistency = consistency
  }

  /** What became of the table; undefined if it is as it was, or if nobody tells within `limit_ms`. */
  async change(limit_ms: number): Promise<SchemaError | undefined> {
    this.#change ??= schemaChange(this.#client, this.#schema, this.#timeout_ms).finally(() => {
      this.#change = undefined
    })
    return within(limit_ms, this.#change).catch(() => undefined)
  }

  /** Why replicas that are missing will never come; undefined while they may. */
  async unmet({ required = 0 }: DriverError, limit_ms: number): Promise<WriteError | undefined> {
    const { keyspace } = this.#schema
    this.#replication ??= readReplication(this.#client, keyspace, this.#timeout_ms).finally(() => {
      this.#replication = undefined
    })
    const replication = await within(limit_ms, this.#replication).catch(() => undefined)
    if (replication === undefined) return undefined
    const { inAll, inDatacenter, datacenter } = replication
    const isLocal = this.#consistency.startsWith('LOCAL_')
    const replicas = isLocal ? inDatacenter : inAll
    if (required <= replicas) return undefined
    const where = isLocal ? `${replicas} in datacenter ${datacenter}` : String(replicas)
    return new WriteError(
      'ERR_CASSANDRA_CONSISTENCY',
      `Consistency ${this.#consistency} needs ${required} replicas of each row, and keyspace \`${keyspace}\` has ${where}. ` +
        'Change the option `consistency` or the replication of the keyspace',
    )
  }
}
