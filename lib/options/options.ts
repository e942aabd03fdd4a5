import type { Client, ClientOptions } from 'cassandra-driver'
import type { RowError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { CheckpointTable } from './checkpointPlace.ts'

export const consistencyNames = [
  'ONE',
  'TWO',
  'THREE',
  'QUORUM',
  'ALL',
  'LOCAL_QUORUM',
  'EACH_QUORUM',
  'LOCAL_ONE',
] as const

/** How many replicas must acknowledge a write. */
export type ConsistencyName = (typeof consistencyNames)[number]

/**
 * Where Cassandra is and how to log in. A number may be given as digits and a boolean as a word, because options from the
 * environment are text: `'9042'`, `'true'`.
 */
export interface ConnectionOptions {
  /**
   * Contact points: names or addresses that share one port. The port may follow a name: `db1:9043`, `[::1]:9043`.
   * Required, or `client` instead.
   */
  readonly host?: string | readonly string[] | undefined
  /** Native protocol port, the same on all nodes, if `host` names none. An integer from 1 to 65535. @default 9042 */
  readonly port?: number | string | undefined
  /** Goes with `password`. */
  readonly username?: string | undefined
  /** Goes with `username`. Appears in no error, log or inspect output. */
  readonly password?: string | undefined
  /** Use TLS 1.2 or newer, and verify the certificate and its host name. @default false */
  readonly ssl_enabled?: boolean | string | undefined
  /** Certificate authority that signed the nodes' certificates: a path or PEM text. @default Node's list */
  readonly ssl_ca_cert?: string | undefined
  /** Client certificate for mutual TLS: a path or PEM text. Goes with `ssl_client_key`. */
  readonly ssl_client_cert?: string | undefined
  /** Private key of `ssl_client_cert`: a path or PEM text. */
  readonly ssl_client_key?: string | undefined
  /** Name that the nodes' certificates must carry. @default the address dialled, or a name in `host` */
  readonly ssl_server_name?: string | undefined
  /** False accepts any certificate, even an attacker's. No other option switches verification off. @default true */
  readonly ssl_verify?: boolean | string | undefined
  /**
   * Datacenter whose nodes are used. A policy in `client_options.policies.loadBalancing` decides in its place, and
   * takes this datacenter if it has none of its own.
   * @default that of the contact points
   */
  readonly local_datacenter?: string | undefined
  /**
   * An existing client of protocol version 4. It is used as it is and never shut down, and verifies certificates only
   * if its own `sslOptions.rejectUnauthorized` is true.
   */
  readonly client?: Client | undefined
  /**
   * Options of the driver for which there is no option here, such as a cloud bundle, a load balancing policy or your
   * own auth provider. Options that a sink sets itself are ignored. Options that contradict an option here or a
   * guarantee, such as a retry policy, are refused. `sslOptions` alone switches TLS on, with verification.
   */
  readonly client_options?: Partial<ClientOptions> | undefined
}

/** Property names of a row type, or of each member of a union. Any name if the type has none. */
export type PropertyOf<Row extends object> = NoInfer<[NameOf<Row>] extends [never] ? string : NameOf<Row>>
type NameOf<Row> = Row extends unknown ? Extract<keyof Row, string> : never

/** Options of a sink: where to write, what each property of a row means, and the limits. */
export interface CassandraWritableOptions<Row extends object = object> extends ConnectionOptions {
  /** Matched exactly, case included. `system` and `system_…` are refused. */
  readonly keyspace: string
  /** Matched exactly, case included. */
  readonly table: string
  /**
   * Maximum number of requests in flight. Requests to replicas that fail do not count. An integer from 1 to 2048.
   * @default 100
   */
  readonly concurrency?: number | string | undefined
  /** Rows buffered before a flush. This is not the size of a CQL batch. An integer from 1 to 1000000. @default 1000 */
  readonly rows_per_batch?: number | string | undefined
  /** Longest time in milliseconds a row waits for a fuller buffer. An integer from 0 to 60000. @default 10 */
  readonly flush_interval_ms?: number | string | undefined
  /**
   * Maximum number of rows sent per second, evenly. Retries do not count. An integer from 1 to 10000000.
   * @default no limit
   */
  readonly max_rows_per_second?: number | string | undefined
  /**
   * Maximum number of bytes of rows that are buffered or in flight (64 MiB): as they are encoded, and with `on_bad_row`
   * also as they were given. An integer from 65536 to 9007199254740991.
   * @default 67108864
   */
  readonly max_buffered_bytes?: number | string | undefined
  /**
   * Largest encoded row in bytes (1 MiB). Cassandra refuses mutations above half a commit log segment, which is 16 MiB
   * by default. An integer from 1 to 268435456.
   * @default 1048576
   */
  readonly max_row_bytes?: number | string | undefined
  /** How many replicas must acknowledge a write. The name may be in lower case. @default 'LOCAL_QUORUM' */
  readonly consistency?: ConsistencyName | Lowercase<ConsistencyName> | undefined
  /** Column that tells deletes from inserts; never written. Goes with `delete_flag_value`. */
  readonly delete_flag_column?: PropertyOf<Row> | undefined
  /** A row whose flag equals this, compared as text and ignoring case, deletes the row with its primary key. */
  readonly delete_flag_value?: string | number | boolean | undefined
  /** Seconds to live of each row. 0 means forever. An integer from 0 to 630720000. @default the table's own */
  readonly ttl?: number | string | undefined
  /** Property of a row with its own seconds to live, in place of `ttl`. Never written as a column. */
  readonly ttl_column?: PropertyOf<Row> | undefined
  /**
   * Property of a row with its write time, in whole microseconds since 1970 or as a Date. Never written as a column.
   * The order of rows is then yours: of two rows with one key, the larger time stays.
   * @default the order of arrival
   */
  readonly timestamp_column?: PropertyOf<Row> | undefined
  /**
   * Accept any write time. Otherwise only the years 2001 to 2100 are accepted, which catches milliseconds and
   * nanoseconds. Goes with `timestamp_column`.
   * @default false
   */
  readonly allow_any_timestamp?: boolean | string | undefined
  /**
   * Property that says what happens to each row: `insert`, `update` (cells and no row marker, so the row is gone with
   * its last cell), `append` (like `update`, but adds elements to non-frozen sets and maps, and writes only the given
   * fields of non-frozen user-defined types) or `delete`. Never written as a column.
   * @default each row is inserted
   */
  readonly operation_column?: PropertyOf<Row> | undefined
  /** `write` stores null, which is a tombstone. `unset` leaves the column alone, like undefined. @default 'write' */
  readonly nulls?: 'write' | 'unset' | undefined
  /**
   * Which rows share a request. `partition`: rows of one partition. `replicas`: also rows of up to 10 partitions with
   * the same replicas, under 5 KiB in total, so that the server does not warn. `none`: each row has its own request.
   * @default 'replicas'
   */
  readonly batch_by?: 'partition' | 'replicas' | 'none' | undefined
  /**
   * Returns the source's position after this row, such as an offset or a line: a JSON value. `'acknowledged'` carries
   * it. A micro-batch sink stores the position of an epoch's last row with the epoch, and `open()` returns it. Called
   * once per row, when the row is written to the stream.
   */
  readonly position?: ((row: Row) => Json) | undefined
  /**
   * Called with the error and the row, for each row that cannot be stored. All other rows are stored. The stream waits
   * for the promise that it returns, and ends if it throws. The row is the object that was given, or a copy of its
   * first state if it has changed since.
   * @default the stream ends with the error
   */
  readonly on_bad_row?: ((error: RowError, row: Row) => void | Promise<void>) | undefined
  /**
   * Maximum number of rows that may go to `on_bad_row` before the stream ends: a number, or a share of all rows. A
   * share is checked from 1,000 rows on, and at the end. Goes with `on_bad_row`.
   * @default no limit
   */
  readonly max_errors?: number | `${number}` | `${number}%` | undefined
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
  /**
   * Largest difference in milliseconds between this machine's clock and the cluster's. A sink refuses to open beyond
   * it. An integer from 0 to 86400000.
   * @default 10000
   */
  readonly max_clock_skew_ms?: number | string | undefined
  /** Aborting it destroys the stream. */
  readonly signal?: AbortSignal | undefined
}

/** Further options of a micro-batch sink: where it keeps its checkpoint, and how long an epoch is. */
export interface MicroBatchSinkOptions<Row extends object = object> extends CassandraWritableOptions<Row> {
  /**
   * File that records what is written, one per source and table, on a disk that survives a restart. Its folder must
   * exist. If the path is a folder, the file is `checkpoint` in it. Or a row of a Cassandra table, which another
   * machine can take over.
   */
  readonly checkpoint_location: string | CheckpointTable
  /**
   * Take the checkpoint over at once, even from an owner that may be alive. That owner fails with
   * `ERR_CASSANDRA_CHECKPOINT_LOCKED` when it next records something. A checkpoint in a table is always taken over, and
   * its previous owner fails with `ERR_CASSANDRA_FENCED`.
   * @default false
   */
  readonly take_over?: boolean | string | undefined
  /**
   * Rows per epoch. The first epochs of a sink are smaller, so that Cassandra has work at once: 1,000 rows, and twice
   * as many each time. Half of `max_buffered_bytes` also ends an epoch, or a quarter in a Kafka sink. An integer from 1
   * to 1000000.
   * @default 10000
   */
  readonly rows_per_epoch?: number | string | undefined
  /** Longest time in milliseconds that a row waits for a fuller epoch. An integer from 1 to 3600000. @default 1000 */
  readonly epoch_interval_ms?: number | string | undefined
}
