import { type Seal, WAY_ON } from '../checkpoint/epoch.ts'
import { CheckpointError, SchemaError } from '../errors.ts'
import { type EncodedRow, hasValueFor } from '../row/encodedRow.ts'
import type { StoredTable } from '../table/schema.ts'

/**
 * Refuses a replay after more than `gc_grace_seconds`: a tombstone may be purged by then, and a late write would bring back the
 * row that it deleted.
 * @throws CheckpointError `ERR_CASSANDRA_REPLAY_TOO_LATE`
 */
export function refuseLate({ epoch_id }: Seal, seconds: number, { gc_grace_seconds }: StoredTable): void {
  if (seconds <= gc_grace_seconds) return
  throw new CheckpointError(
    'ERR_CASSANDRA_REPLAY_TOO_LATE',
    `Expected epoch ${epoch_id} to be replayed within the gc_grace_seconds of its table (${gc_grace_seconds} s), but it ` +
      `was sealed ${seconds} s ago. A replay could bring back rows that were deleted in between. This replay wrote nothing. ` +
      WAY_ON,
  )
}

/**
 * Refuses a replay of values in a column that was dropped and added again after the seal: Cassandra hides values with write times
 * before the drop.
 * @throws SchemaError `ERR_CASSANDRA_SCHEMA_CHANGED` when rows have such values
 */
export function refuseDropped(
  { epoch_id, timestamp }: Seal,
  { columns, dropped }: StoredTable,
  rows: readonly EncodedRow[],
): void {
  const sealed_ms = Number(timestamp) / 1000
  const lost = columns
    .filter(({ name }) => (dropped.get(name) ?? Number.NEGATIVE_INFINITY) >= sealed_ms)
    .find(({ name }) => rows.some(row => hasValueFor(row, name)))
  if (lost === undefined) return
  throw new SchemaError(
    'ERR_CASSANDRA_SCHEMA_CHANGED',
    `Epoch ${epoch_id} cannot be replayed, because column \`${lost.name}\` was dropped and added again after the epoch ` +
      `was sealed. Cassandra would hide its values. This replay wrote nothing. ${WAY_ON}`,
  )
}
