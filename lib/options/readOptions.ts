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
  /** How many replicas must answer, in any case. @default 'LOCAL_ONE' */
  readonly consistency?: ConsistencyName | undefined
  /**
   * Ranges that the ring is read in, at least: each range of the cluster is cut by its size. An integer from 1 to
   * 100000.
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
