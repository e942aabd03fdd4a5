import type { CqlType } from '../table/cqlType.ts'

/**
 * Bytes that the server counts for a batch against `batch_size_warn_threshold`, besides the values. Derived from the sizes
 * that the warning of Cassandra 5.0 states.
 */

/** Per partition in the batch. */
export const PARTITION_WEIGHT = 29

/** Per row, besides its clustering columns and cells. */
export const ROW_WEIGHT = 21

/** Per row with its own time to live. */
export const TTL_WEIGHT = 12

/** Per cell, besides its value: write time, time to live, deletion time. A tombstone is a cell without a value. */
export const CELL_WEIGHT = 20

/** For the deletion of the column's old value. */
const DELETION_WEIGHT = 12

/** Each element of a list has a timeuuid as its key. */
const LIST_PATH_WEIGHT = 16

/** A non-frozen collection or user-defined type has one cell per part. */
export function collectionWeight(type: CqlType, encoded: Buffer): number {
  const parts = type.kind === 'udt' ? type.fields.length : encoded.readInt32BE(0)
  return DELETION_WEIGHT + parts * (CELL_WEIGHT + LIST_PATH_WEIGHT) + encoded.length
}
