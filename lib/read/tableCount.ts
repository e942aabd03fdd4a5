/** The number of rows of a table, and where they are. */
export interface CassandraCount {
  /** Number of rows that a source would emit. A partition that has static columns only counts as one row. */
  readonly rows: number
  /** Partitions with at least one such row. */
  readonly partitions: number
  /**
   * The ring from its lowest token to its highest, in the ranges that were read. Empty if `where` names a whole partition
   * key.
   */
  readonly ranges: readonly RangeCount[]
  /** Up to `largest` partitions, the largest first. Equal sizes come in the order of the bytes of their keys. */
  readonly largest_partitions: readonly PartitionCount[]
}

/** A part of the ring: the partitions with a token above `start`, up to `end`. */
export interface RangeCount {
  /** Exclusive lower bound. */
  readonly start: bigint
  /** Inclusive upper bound. */
  readonly end: bigint
  /** Rows of these partitions. */
  readonly rows: number
  /** Partitions with a row that matches `where`. */
  readonly partitions: number
}

/** One partition. */
export interface PartitionCount {
  /** The columns of the partition key, as a source emits them. */
  readonly key: Readonly<Record<string, unknown>>
  /** Rows that match `where`. */
  readonly rows: number
}
