/**
 * Every error this package raises is one of these classes and carries a stable `code`: match on the code, never on
 * the text. Messages name what was expected, what came and what to do; none carries a password, a client or options.
 */

/** Codes of {@link OptionError}. */
export type OptionErrorCode = 'ERR_CASSANDRA_OPTION' | 'ERR_CASSANDRA_OPTION_UNKNOWN'

/** Codes of {@link ConnectionError}. */
export type ConnectionErrorCode =
  | 'ERR_CASSANDRA_CONNECT'
  | 'ERR_CASSANDRA_CONNECT_TIMEOUT'
  | 'ERR_CASSANDRA_AUTH'
  | 'ERR_CASSANDRA_TLS_UNTRUSTED'
  | 'ERR_CASSANDRA_TLS_HOST_NAME'
  | 'ERR_CASSANDRA_TLS_REQUIRED'
  | 'ERR_CASSANDRA_TLS_NOT_OFFERED'
  | 'ERR_CASSANDRA_TLS_CLIENT_CERT'

/** Codes of {@link SchemaError}. */
export type SchemaErrorCode =
  | 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND'
  | 'ERR_CASSANDRA_TABLE_NOT_FOUND'
  | 'ERR_CASSANDRA_TABLE_UNSUPPORTED'
  | 'ERR_CASSANDRA_TYPE_UNSUPPORTED'
  | 'ERR_CASSANDRA_SCHEMA_CHANGED'

/** Codes of {@link RowError}. */
export type RowErrorCode =
  | 'ERR_CASSANDRA_ROW_TYPE'
  | 'ERR_CASSANDRA_KEY_MISSING'
  | 'ERR_CASSANDRA_KEY_NULL'
  | 'ERR_CASSANDRA_KEY_SIZE'
  | 'ERR_CASSANDRA_COLUMN_UNKNOWN'
  | 'ERR_CASSANDRA_DELETE_FLAG_MISSING'
  | 'ERR_CASSANDRA_VALUE'
  | 'ERR_CASSANDRA_ROW_SIZE'
  | 'ERR_CASSANDRA_ROW_REFUSED'
  | 'ERR_CASSANDRA_KAFKA_MESSAGE'

/** Codes of {@link WriteError}. */
export type WriteErrorCode =
  | 'ERR_CASSANDRA_RETRY_TIMEOUT'
  | 'ERR_CASSANDRA_UNAUTHORIZED'
  | 'ERR_CASSANDRA_CONSISTENCY'
  | 'ERR_CASSANDRA_CLOCK_SKEW'
  | 'ERR_CASSANDRA_ON_BAD_ROW'
  | 'ERR_CASSANDRA_MAX_ERRORS'
  | 'ERR_CASSANDRA_WRITE'

/** Codes of {@link ReadError}. */
export type ReadErrorCode =
  | 'ERR_CASSANDRA_READ'
  | 'ERR_CASSANDRA_READ_TIMEOUT'
  | 'ERR_CASSANDRA_UNAUTHORIZED'
  | 'ERR_CASSANDRA_CONSISTENCY'

/** Codes of {@link CheckpointError}. */
export type CheckpointErrorCode =
  | 'ERR_CASSANDRA_CHECKPOINT_CORRUPT'
  | 'ERR_CASSANDRA_CHECKPOINT_VERSION'
  | 'ERR_CASSANDRA_CHECKPOINT_TARGET'
  | 'ERR_CASSANDRA_CHECKPOINT_LOCKED'
  | 'ERR_CASSANDRA_FENCED'
  | 'ERR_CASSANDRA_CHECKPOINT_IO'
  | 'ERR_CASSANDRA_CHECKPOINT_AHEAD'
  | 'ERR_CASSANDRA_POSITION'
  | 'ERR_CASSANDRA_EPOCH'
  | 'ERR_CASSANDRA_REPLAY_DIFFERS'
  | 'ERR_CASSANDRA_REPLAY_TOO_LATE'

/** Codes of {@link KafkaError}. */
export type KafkaErrorCode =
  | 'ERR_CASSANDRA_KAFKA'
  | 'ERR_CASSANDRA_KAFKA_EXPIRED'
  | 'ERR_CASSANDRA_KAFKA_LOG_CHANGED'

/** Every code an error of this package can have. */
export type CassandraErrorCode =
  | OptionErrorCode
  | ConnectionErrorCode
  | SchemaErrorCode
  | RowErrorCode
  | WriteErrorCode
  | ReadErrorCode
  | CheckpointErrorCode
  | KafkaErrorCode

/** Where the rows of a stream stood when it ended with an error. */
export interface RowCounts {
  /** Rows taken in: the sum of the other counts. */
  readonly rows_accepted: number
  /** Acknowledged by Cassandra as written. */
  readonly rows_written: number
  /** Acknowledged by Cassandra as deleted. */
  readonly rows_deleted: number
  /** Refused and given to `on_bad_row`. */
  readonly rows_set_aside: number
  /** Not acknowledged: refused, not sent, or sent with an unknown outcome. */
  readonly rows_failed: number
}

/** Consecutive rows. */
export interface RowRange {
  /** Place of the first row in the order of arrival, from 0. */
  readonly from: number
  /** Place of the last row. */
  readonly to: number
}

/** The base of every error of this package. */
export class CassandraStreamsError extends Error {
  /** Stable across releases; see the table in docs/errors.md. */
  readonly code: CassandraErrorCode
  /** Exact, because the requests in flight have settled. Undefined for errors outside a stream, such as those of options. */
  counts: RowCounts | undefined
  /**
   * Rows that were given and are not known to be written or set aside. Present together with `counts`. A micro-batch
   * sink counts whole epochs.
   */
  unacknowledged: readonly RowRange[] | undefined

  constructor(code: CassandraErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** An option is unknown, missing, or has a value that cannot be used. Raised before anything is opened. */
export class OptionError extends CassandraStreamsError {
  declare readonly code: OptionErrorCode
  /** The option as the caller spelled it. */
  readonly option: string

  constructor(code: OptionErrorCode, option: string, message: string) {
    super(code, message)
    this.option = option
  }
}

/** Why one host could not be used. */
export interface HostFailure {
  /** `address:port`. */
  readonly host: string
  /** The server's or the socket's own words. */
  readonly reason: string
}

/** No connection can be used. `hosts` has the reason for each host that was tried. */
export class ConnectionError extends CassandraStreamsError {
  declare readonly code: ConnectionErrorCode
  /** One for each host that was tried; empty when no host was. */
  readonly hosts: readonly HostFailure[]

  constructor(code: ConnectionErrorCode, message: string, hosts: readonly HostFailure[]) {
    super(code, message)
    this.hosts = hosts
  }
}

/** The keyspace or table is absent, of a kind that cannot be written, or changed while it was written or read. */
export class SchemaError extends CassandraStreamsError {
  declare readonly code: SchemaErrorCode
}

/** Where and why a {@link RowError} refuses a value. */
export interface RowErrorDetails {
  /** Number of the row in the order of arrival, counted from 0 in each stream. */
  readonly row_index: number
  /** Column with the path inside it: `profile.addresses[2].zip`. */
  readonly column?: string
  /** The column's type as CQL spells it. */
  readonly cql_type?: string
  /** What would have been accepted. */
  readonly expected?: string
}

/** One row cannot be written: a bad value, a missing key, an unknown column, or the server refuses it for good. */
export class RowError extends CassandraStreamsError {
  declare readonly code: RowErrorCode
  /** Number of the row in the order of arrival, counted from 0 in each stream. */
  readonly row_index: number
  /** Column with the path inside it: `profile.addresses[2].zip`. Undefined when the row as a whole is refused. */
  readonly column: string | undefined
  /** The column's type as CQL spells it. */
  readonly cql_type: string | undefined
  /** What would have been accepted. */
  readonly expected: string | undefined

  constructor(code: RowErrorCode, message: string, details: RowErrorDetails, options?: ErrorOptions) {
    super(code, message, options)
    this.row_index = details.row_index
    this.column = details.column
    this.cql_type = details.cql_type
    this.expected = details.expected
  }
}

/** Valid rows cannot be written: retries ran out, or the server forbids the write. */
export class WriteError extends CassandraStreamsError {
  declare readonly code: WriteErrorCode
}

/** Rows cannot be read: retries ran out, or the server forbids the read or cannot do it. */
export class ReadError extends CassandraStreamsError {
  declare readonly code: ReadErrorCode
}

/** Details of a {@link CheckpointError}. */
export interface CheckpointErrorDetails extends ErrorOptions {
  /** The checkpoint file, or the row that keeps the checkpoint. */
  readonly location?: string
  /** Byte of the file at which the first bad record begins. */
  readonly offset?: number
}

/** The checkpoint cannot be used or kept, or an epoch does not follow from it. */
export class CheckpointError extends CassandraStreamsError {
  declare readonly code: CheckpointErrorCode
  /** The checkpoint file, or the row that keeps the checkpoint; undefined where the fault is in neither. */
  readonly location: string | undefined
  /** For `ERR_CASSANDRA_CHECKPOINT_CORRUPT`: the byte at which the first bad record begins. */
  readonly offset: number | undefined

  constructor(code: CheckpointErrorCode, message: string, details: CheckpointErrorDetails = {}) {
    super(code, message, details)
    this.location = details.location
    this.offset = details.offset
  }
}

/** What a {@link KafkaError} knows beside its message. */
export interface KafkaErrorDetails extends ErrorOptions {
  /** Topic that the error is about. */
  readonly topic?: string
  /** Partition of the topic. */
  readonly partition?: number
  /** Offset from which a Kafka sink must continue, in decimal digits. */
  readonly offset?: string
}

/** Kafka cannot be used, or does not have the messages that come next. */
export class KafkaError extends CassandraStreamsError {
  declare readonly code: KafkaErrorCode
  /** Topic that the error is about; undefined if it is about none. */
  readonly topic: string | undefined
  /** Partition of the topic. */
  readonly partition: number | undefined
  /** Offset from which the sink must continue, in decimal digits. */
  readonly offset: string | undefined

  constructor(code: KafkaErrorCode, message: string, details: KafkaErrorDetails = {}) {
    super(code, message, details)
    this.topic = details.topic
    this.partition = details.partition
    this.offset = details.offset
  }
}
