import { type Seal, WAY_ON } from '../checkpoint/epoch.ts'
import { CheckpointError, SchemaError } from '../errors.ts'
import { type EncodedRow, hasValueFor } from '../row/encodedRow.ts'
import type { StoredTable } from '../table/schema.ts'

/**
 * Beyond `gc_grace_seconds` a tombstone may be gone, and an old write would bring back what it deleted.
 * @throws CheckpointError `ERR_CASSANDRA_REPLAY_TOO_LATE`
 */
export function refuseLate({ epoch_id }: Seal, seconds: number, { gc_grace_seconds }: StoredTable): void {
  if (seconds <= gc_grace_seconds) return
  throw new CheckpointError(
    'ERR_CASSANDRA_REPLAY_TOO_LATE',
    `Expected epoch ${epoch_id} to be replayed within gc_grace_seconds of its table (${gc_grace_seconds} s), ` +
      `it was sealed ${seconds} s ago: rows that others deleted since could come back. Nothing was written. ` +
      WAY_ON,
  )
}

/**
 * Cassandra hides values of a column that are older than its drop, also when a column of that name was added again.
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
    `Epoch ${epoch_id} cannot be replayed: column \`${lost.name}\` was dropped and added again after the epoch was ` +
      `sealed, and Cassandra would hide its values. Nothing was written. ${WAY_ON}`,
  )
}
