import type { Json } from '../json.ts'
import type { CheckpointTable } from './checkpointPlace.ts'
import type { ConnectionOptions, ConsistencyName } from './options.ts'

/** What a source is told: what to read, how, and the limits it keeps. */
export interface CassandraReadableOptions extends ConnectionOptions {
  /** Matched exactly, case included. `system` and `system_…` are refused. */
  readonly keyspace: string
  /** Matched exactly, case included. */
  readonly table: string
  /** Columns to read, in their order, matched exactly. @default all */
  readonly columns?: string | readonly string[] | undefined
  /**
   * Conditions in CQL, with a `?` for each value of `params`: `age > ? AND city = ?`. Where they name a whole partition
   * key by `=` or `IN`, these partitions alone are read, in the order of their rows.
   * @default the whole table
   */
  readonly where?: string | undefined
  /** The same as `where`, by PyCassandra's name. */
  readonly filter?: string | undefined
  /** Values for `where`, each in a form that a sink takes for the type. @default none */
  readonly params?: readonly unknown[] | undefined
  /** Whether Cassandra may read rows that `where` then leaves out. @default false */
  readonly allow_filtering?: boolean | string | undefined
  /**
   * Give each row in parts, one for each write time and time to live of its cells, with these: a sink with
   * `timestamp_column`, `ttl_column` and `operation_column` makes the same table of them. Key columns are read in any
   * case.
   * @default false
   */
  readonly with_times?: boolean | string | undefined
  /**
   * Property of a part with its write time, a BigInt of microseconds. Goes with `with_times`, as the next two.
   * @default `write_time`
   */
  readonly timestamp_column?: string | undefined
  /** Property of a part with the seconds that it has to live; 0 is for ever. @default `ttl` */
  readonly ttl_column?: string | undefined
  /** Property of a part that says what a sink does with it: `insert`, `update` or `append`. @default `operation` */
  readonly operation_column?: string | undefined
  /** How many replicas must answer, in any case. @default 'LOCAL_ONE' */
  readonly consistency?: ConsistencyName | undefined
  /**
   * Parts that the ring is cut into at first. A reader makes later ones wider or narrower, by the rows that it finds.
   * An integer from 1 to 100000.
   * @default 64
   */
  readonly splits?: number | string | undefined
  /** Ranges that are read at one time. An integer from 1 to 256. @default 4 */
  readonly concurrency?: number | string | undefined
  /**
   * Most rows of a page. Pages of large rows have fewer, of about 1 MiB by the size of the rows before. An integer from
   * 1 to 100000.
   * @default 5000
   */
  readonly fetch_size?: number | string | undefined
  /**
   * Position behind which to read, as `positionOf()` gave it, or null for the first row. Rows then come in the order of
   * the ring.
   * @default rows in no order
   */
  readonly after?: Json | undefined
  /**
   * File, or row of a Cassandra table, that remembers the position that was acknowledged last, behind which the next
   * run goes on. Otherwise as for a sink.
   * @default none
   */
  readonly checkpoint_location?: string | CheckpointTable | undefined
  /**
   * Take the checkpoint at once, also from a sink that may still be alive. That one fails with
   * `ERR_CASSANDRA_CHECKPOINT_LOCKED` at its next epoch. A checkpoint in a table is always taken so, and the other
   * fails with `ERR_CASSANDRA_FENCED`.
   * @default false
   */
  readonly take_over?: boolean | string | undefined
  /**
   * Go on for ever with the rows that are written. It sees no deletes, and of a row that is written often not each
   * version.
   * @default the stream ends behind the last row
   */
  readonly follow?: FollowOptions | undefined
  /**
   * Whether rows have only what JSON keeps: a sink takes what `JSON.parse` makes of their JSON as the same values.
   * @default false
   */
  readonly json?: boolean | string | undefined
  /**
   * `plain` is JavaScript's own types, `driver` the classes of cassandra-driver, such as Uuid and Long. Refused beside
   * `json`.
   * @default 'plain'
   */
  readonly values?: 'plain' | 'driver' | undefined
  /** Limit in milliseconds for one request, and for connecting. An integer from 1 to 600000. @default 15000 */
  readonly request_timeout_ms?: number | string | undefined
  /** Limit in milliseconds for one request with all its retries. An integer from 0 to 86400000. @default 60000 */
  readonly retry_timeout_ms?: number | string | undefined
  /**
   * Time in milliseconds to go on trying to connect while no host can be used, for a service that starts before its
   * database. Everything else that is wrong ends the sink at once. An integer from 0 to 86400000.
   * @default 0
   */
  readonly wait_for_server_ms?: number | string | undefined
  /** Aborting it destroys the stream. */
  readonly signal?: AbortSignal | undefined
}

/** How a source goes on with the rows that are written. */
export interface FollowOptions {
  /**
   * `'scan'` reads all rows each time and gives those with a new write time. `'tail'` asks for new rows by the first
   * clustering column, a `timestamp` or `timeuuid`, of tables to which rows are only added.
   */
  readonly by: 'scan' | 'tail'
  /**
   * Milliseconds from the beginning of one walk to that of the next. After a walk that takes longer there is a pause as
   * long as the walk. An integer from 0 to 86400000.
   * @default 10000
   */
  readonly interval_ms?: number | string | undefined
  /**
   * Age in milliseconds at which a write is given, by its write time. What becomes visible later than this is missed:
   * slow requests, clocks that are behind, write times in the past. An integer from 0 to 86400000.
   * @default 10000
   */
  readonly lag_ms?: number | string | undefined
}

/** What a count is told: what to count and how, as a source is told what to read. */
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
      | 'request_timeout_ms'
      | 'retry_timeout_ms'
      | 'wait_for_server_ms'
      | 'signal'
    > {
  /** Partitions to name, those with the most rows. An integer from 0 to 1000. @default 10 */
  readonly largest?: number | string | undefined
}
