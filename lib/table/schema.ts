import type { CqlType } from './cqlType.ts'

export type ColumnKind = 'partition_key' | 'clustering' | 'static' | 'regular'

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
  readonly type: CqlType
  /** The type as the schema spells it. */
  readonly cql: string
  /** Whether the highest value of this clustering column comes first. */
  readonly isDescending?: true
}

/** One table as `system_schema` describes it. */
export interface TableSchema {
  /** Changes when the table is dropped and created again. */
  readonly id: string
  readonly keyspace: string
  readonly name: string
  /** Partition key and clustering columns in key order, then the others by name. */
  readonly columns: readonly Column[]
}

/** A table or a materialized view, with its times to live. */
export interface StoredTable extends TableSchema {
  readonly isView: boolean
  /** How far Accord, the transactions of Cassandra 6, takes part in reads and writes. `off` on older versions. */
  readonly transactional_mode: string
  /** Seconds for which tombstones are kept. */
  readonly gc_grace_seconds: number
  /** Seconds to live of rows that name none. 0 means forever. */
  readonly default_time_to_live: number
  /** When a column of this name was last dropped, in milliseconds since 1970. A column of that name may exist again. */
  readonly dropped: ReadonlyMap<string, number>
  /** Schema version of all nodes when it was read. Undefined if they did not agree. */
  readonly version: string | undefined
}
