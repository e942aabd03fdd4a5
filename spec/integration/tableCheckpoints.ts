import { type Client, types } from 'cassandra-driver'
import type { Checkpoint } from '../../lib/checkpoint/checkpoint.ts'
import { openTableCheckpoint } from '../../lib/checkpoint/table/tableCheckpoint.ts'
import type { Target } from '../../lib/checkpoint/target.ts'
import type { ConsistencyName } from '../../lib/options/options.ts'
import { target } from '../unit/checkpoint/epochs.ts'
import type { Keyspace } from './keyspace.ts'

export interface Place {
  readonly keyspace: string
  readonly table: string
  readonly name: string
}

interface How {
  readonly client?: Client
  readonly target?: Target
  readonly consistency?: ConsistencyName
  readonly token?: string
  readonly request_timeout_ms?: number
  readonly retry_timeout_ms?: number
  readonly signal?: AbortSignal
}

/** Checkpoints in a table of a spec's keyspace. */
export class TableCheckpoints {
  readonly #ks: Keyspace
  #names = 0

  constructor(ks: Keyspace) {
    this.#ks = ks
  }

  /** The place of a new checkpoint. */
  place(table = 'checkpoints'): Place {
    return { keyspace: this.#ks.name, table, name: `orders ${++this.#names}` }
  }

  open(place: Place, how: How = {}): Promise<Checkpoint> {
    const { request_timeout_ms = 15_000, retry_timeout_ms = 60_000, consistency = 'LOCAL_QUORUM' } = how
    const { signal = new AbortController().signal, token } = how
    return openTableCheckpoint(
      place,
      how.target ?? target,
      {
        connection: { client: how.client ?? this.#ks.client, close: async () => {} },
        consistency,
        limits: { request_timeout_ms, retry_timeout_ms },
        token,
      },
      signal,
    )
  }

  /** The row, read without the library. */
  async row({ table, name }: Place): Promise<Record<string, unknown> | undefined> {
    const { rows } = await this.#ks.client.execute(
      `SELECT * FROM ${this.#ks.name}.${table} WHERE name = ?`,
      [name],
      { prepare: true, consistency: types.consistencies.serial },
    )
    return rows[0] && { ...rows[0] }
  }

  /** Changes a column by hand. */
  async edit({ table, name }: Place, column: string, value: unknown): Promise<void> {
    const cql = `UPDATE ${this.#ks.name}.${table} SET ${column} = ? WHERE name = ? IF EXISTS`
    await this.#ks.client.execute(cql, [value, name], { prepare: true })
  }
}
