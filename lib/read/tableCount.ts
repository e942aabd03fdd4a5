/** How many rows a table has, and where. */
export interface CassandraCount {
  /** As a source would give them: a partition of static columns alone is one. */
  readonly rows: number
  /** Partitions with such a row. */
  readonly partitions: number
  /**
   * The ring from its lowest token to its highest, in the ranges that were read. Empty where `where` names a whole
   * partition key.
   */
  readonly ranges: readonly RangeCount[]
  /** As many as `largest` says, the largest first; of the same size in the order of the bytes of their keys. */
  readonly largest_partitions: readonly PartitionCount[]
}

/** A part of the ring: the partitions with a token above `start`, up to `end`. */
export interface RangeCount {
  /** No partition of the range has it. */
  readonly start: bigint
  /** The highest token of the range. */
  readonly end: bigint
  /** Of these partitions. */
  readonly rows: number
  /** With a row that `where` holds for. */
  readonly partitions: number
}

/** One partition. */
export interface PartitionCount {
  /** The columns of the partition key, as a source gives them. */
  readonly key: Readonly<Record<string, unknown>>
  /** Those that `where` holds for. */
  readonly rows: number
}
