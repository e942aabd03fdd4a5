export {
  type CassandraErrorCode,
  CassandraStreamsError,
  CheckpointError,
  type CheckpointErrorCode,
  type CheckpointErrorDetails,
  ConnectionError,
  type ConnectionErrorCode,
  type HostFailure,
  OptionError,
  type OptionErrorCode,
  type RowCounts,
  RowError,
  type RowErrorCode,
  type RowErrorDetails,
  SchemaError,
  type SchemaErrorCode,
  WriteError,
  type WriteErrorCode,
} from './errors.ts'
export type { CassandraWritableOptions, ConnectionOptions, ConsistencyName } from './options/options.ts'
export { type CassandraWritable, createCassandraWritable } from './sink/writable.ts'
export { type CassandraWritableStream, createCassandraWritableStream } from './sink/writableStream.ts'
export type { CassandraWritableStats } from './write/stats.ts'
