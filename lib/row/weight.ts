import type { CqlType } from '../table/cqlType.ts'

/**
 * What the server counts of a batch against `batch_size_warn_threshold`, in bytes. The warning of Cassandra 5.0 states
 * the size it found, and these are what remains of it when the values are taken away.
 */

/** Of each partition in the batch. */
export const PARTITION_WEIGHT = 29

/** Of each row, beside its clustering columns and cells. */
export const ROW_WEIGHT = 21

/** Of each row with a time to live of its own. */
export const TTL_WEIGHT = 12

/** Of each cell beside its value: write time, time to live, deletion time. A tombstone is a cell without a value. */
export const CELL_WEIGHT = 20

/** The deletion of what was in the column before. */
const DELETION_WEIGHT = 12

/** A list's element has a timeuuid for its place. */
const LIST_PATH_WEIGHT = 16

/** A non-frozen collection or user-defined type has a cell for each of its parts. */
export function collectionWeight(type: CqlType, encoded: Buffer): number {
  const parts = type.kind === 'udt' ? type.fields.length : encoded.readInt32BE(0)
  return DELETION_WEIGHT + parts * (CELL_WEIGHT + LIST_PATH_WEIGHT) + encoded.length
}
