import type { Json } from '../json.ts'
import type { CheckpointTable } from './checkpointPlace.ts'
import type { ConnectionOptions, ConsistencyName } from './options.ts'

/** Options of a source: what to read, how, and its limits. */
export interface CassandraReadableOptions extends ConnectionOptions {
  /** Matched exactly, case included. `system` and `system_…` are refused. */
  readonly keyspace: string
  /** Matched exactly, case included. */
  readonly table: string
  /** Columns to read, in this order, matched exactly. @default all */
  readonly columns?: string | readonly string[] | undefined
  /**
   * Conditions in CQL, with a `?` per value of `params`: `age > ? AND city = ?`. If they name a whole partition key by
   * `=` or `IN`, only these partitions are read, in the order of their rows.
   * @default the whole table
   */
  readonly where?: string | undefined
  /** The same as `where`, by PyCassandra's name. */
  readonly filter?: string | undefined
  /** Values for `where`, each in a form that a sink takes for the type. @default none */
  readonly params?: readonly unknown[] | undefined
  /** Whether Cassandra may read rows that `where` then drops. @default false */
  readonly allow_filtering?: boolean | string | undefined
  /**
   * Emit each row in parts: one per write time and time to live of its cells, with both as properties. A sink with
   * `timestamp_column`, `ttl_column` and `operation_column` writes the same table from them. Key columns are always
   * read.
   * @default false
   */
  readonly with_times?: boolean | string | undefined
  /** Property of a part with its write time, a BigInt of microseconds. Goes with `with_times`. @default `write_time` */
  readonly timestamp_column?: string | undefined
  /** Property of a part with its remaining seconds to live; 0 means forever. Goes with `with_times`. @default `ttl` */
  readonly ttl_column?: string | undefined
  /**
   * Property of a part that says what a sink does with it: `insert`, `update` or `append`. Goes with `with_times`.
   * @default `operation`
   */
  readonly operation_column?: string | undefined
  /** How many replicas must answer. The name may be in lower case. @default 'LOCAL_ONE' */
  readonly consistency?: ConsistencyName | Lowercase<ConsistencyName> | undefined
  /**
   * Number of parts into which the ring, or the shard, is cut at first. The reader makes later parts wider or narrower,
   * by the rows that it finds. An integer from 1 to 100000.
   * @default 64
   */
  readonly splits?: number | string | undefined
  /** Ranges that are read in parallel. An integer from 1 to 256. @default 4 */
  readonly concurrency?: number | string | undefined
  /**
   * Maximum number of rows per page. Pages of large rows have fewer: about 2 MiB, estimated from the rows before. An
   * integer from 1 to 100000.
   * @default 5000
   */
  readonly fetch_size?: number | string | undefined
  /**
   * Position after which to read, as `positionOf()` returned it, or null to start at the first row. Rows then come in
   * the order of the ring.
   * @default rows in no order
   */
  readonly after?: Json | undefined
  /**
   * Which of `count` equal parts of the ring to read, counted from 0, so that processes share a table. Refused if
   * `where` names partitions. `index/count`, such as 0/8, with a count up to 100000 and a lower index.
   * @default the whole ring
   */
  readonly shard?: string | undefined
  /**
   * File, or row of a Cassandra table, that keeps the last acknowledged position. The next run continues after it. The
   * folder of the file must exist. If the path is a folder, the file is `checkpoint` in it.
   * @default none
   */
  readonly checkpoint_location?: string | CheckpointTable | undefined
  /**
   * Take the checkpoint over at once, even from an owner that may be alive. That owner fails with
   * `ERR_CASSANDRA_CHECKPOINT_LOCKED` when it next records something. A checkpoint in a table is always taken over, and
   * its previous owner fails with `ERR_CASSANDRA_FENCED`.
   * @default false
   */
  readonly take_over?: boolean | string | undefined
  /**
   * Continue forever with rows that are written later. Deletes are not seen, nor is every version of a row that is
   * written often.
   * @default the stream ends after the last row
   */
  readonly follow?: FollowOptions | undefined
  /**
   * Whether rows have only values that JSON keeps. A sink takes the same values from rows that were written as JSON and
   * parsed again.
   * @default false
   */
  readonly json?: boolean | string | undefined
  /**
   * `plain` means JavaScript's own types, `driver` the classes of cassandra-driver, such as Uuid and Long. Refused
   * beside `json`.
   * @default 'plain'
   */
  readonly values?: 'plain' | 'driver' | undefined
  /** Limit in milliseconds for one request, and for connecting. An integer from 1 to 600000. @default 15000 */
  readonly request_timeout_ms?: number | string | undefined
  /** Limit in milliseconds for one request with all its retries. An integer from 0 to 86400000. @default 60000 */
  readonly retry_timeout_ms?: number | string | undefined
  /**
   * Milliseconds to keep trying to connect while no host can be used, for a service that starts before its database.
   * Any other fault ends the sink at once. An integer from 0 to 86400000.
   * @default 0
   */
  readonly wait_for_server_ms?: number | string | undefined
  /** Aborting it destroys the stream. */
  readonly signal?: AbortSignal | undefined
}

/** How a source continues with rows that are written later. */
export interface FollowOptions {
  /**
   * `'scan'` reads all rows each time and emits those with a new write time. `'tail'` asks only for new rows. It needs
   * a table to which rows are only added, with a `timestamp` or `timeuuid` as first clustering column.
   */
  readonly by: 'scan' | 'tail'
  /**
   * Milliseconds from the start of one walk to the start of the next. If Cassandra works longer than that on a walk,
   * the next one waits until Cassandra has been idle for as long. An integer from 0 to 86400000.
   * @default 10000
   */
  readonly interval_ms?: number | string | undefined
  /**
   * Age in milliseconds at which a write is emitted, by its write time. A write that becomes visible later is missed,
   * for example because of a slow request, a clock that is behind, or a write time in the past. An integer from 0 to
   * 86400000.
   * @default 10000
   */
  readonly lag_ms?: number | string | undefined
}

/** Options of a count: what to count, and how. */
export interface CassandraCountOptions
  extends ConnectionOptions,
    Pick<
      CassandraReadableOptions,
      | 'keyspace'
      | 'table'
      | 'where'
      | 'filter'
      | 'params'
      | 'allow_filtering'
      | 'consistency'
      | 'splits'
      | 'concurrency'
      | 'shard'
      | 'request_timeout_ms'
      | 'retry_timeout_ms'
      | 'wait_for_server_ms'
      | 'signal'
    > {
  /** Partitions to name: those with the most rows. An integer from 0 to 1000. @default 10 */
  readonly largest?: number | string | undefined
}
