import { createMicroBatchSink, type MicroBatchSink } from 'cassandra-streams'
import type { Keyspace } from './suite.ts'

export const EPOCH_ROWS = 500
export const ALL_ROWS = 6_000
export const TABLE = 'epochs'

export interface Row {
  readonly id: number
  readonly v: string
  /** A non-frozen list. Cassandra doubles it when a row is written twice with the same timestamp. */
  readonly tags: readonly number[]
}

export const rowAt = (id: number): Row => ({ id, v: `row ${id}`, tags: [id, id + 1] })

/** A source that can start at any row. */
export function* rowsFrom(first: number): Generator<Row> {
  for (let id = first; id < ALL_ROWS; id++) yield rowAt(id)
}

/** Opens the same sink after each restart. Its checkpoint is a file named after the keyspace. */
export async function openSink({ client, name, target }: Keyspace): Promise<MicroBatchSink<Row>> {
  await client.execute(
    `CREATE TABLE IF NOT EXISTS ${name}.${TABLE} (id int PRIMARY KEY, v text, tags list<int>)`,
  )
  return createMicroBatchSink<Row>({
    ...target,
    table: TABLE,
    checkpoint_location: `${name}.checkpoint`,
    rows_per_epoch: EPOCH_ROWS,
    position: ({ id }) => id,
  })
}

export const nextOf = (last: { readonly position?: unknown } | null): number =>
  last === null ? 0 : Number(last.position) + 1
