export type {
  AcknowledgedMessage,
  BadRowMessage,
  EpochContext,
  OpenContext,
  RequestContext,
  RetryMessage,
  TableContext,
  WindowMessage,
} from './diagnostics.ts'
export type { CommittedEpoch, LastCommit } from './epoch/epochWriter.ts'
export type { RowSource } from './epoch/rowSource.ts'
export {
  type CassandraErrorCode,
  CassandraStreamsError,
  CheckpointError,
  type CheckpointErrorCode,
  type CheckpointErrorDetails,
  ConnectionError,
  type ConnectionErrorCode,
  type HostFailure,
  KafkaError,
  type KafkaErrorCode,
  type KafkaErrorDetails,
  OptionError,
  type OptionErrorCode,
  ReadError,
  type ReadErrorCode,
  type RowCounts,
  RowError,
  type RowErrorCode,
  type RowErrorDetails,
  type RowRange,
  SchemaError,
  type SchemaErrorCode,
  WriteError,
  type WriteErrorCode,
} from './errors.ts'
export type { Json } from './json.ts'
export type { CheckpointTable } from './options/checkpointPlace.ts'
export type {
  CassandraWritableOptions,
  ConnectionOptions,
  ConsistencyName,
  MicroBatchSinkOptions,
} from './options/options.ts'
export type { CassandraCountOptions, CassandraReadableOptions, FollowOptions } from './options/readOptions.ts'
export type { ReadPosition } from './read/place.ts'
export type { CassandraCount, PartitionCount, RangeCount } from './read/tableCount.ts'
export { createMicroBatchSink, type MicroBatchSink, type WrittenEpoch } from './sink/microBatch.ts'
export { type CassandraWritable, createCassandraWritable } from './sink/writable.ts'
export { type CassandraWritableStream, createCassandraWritableStream } from './sink/writableStream.ts'
export { countRows } from './source/countRows.ts'
export { type CassandraReadable, createCassandraReadable, type Positions } from './source/readable.ts'
export { createCassandraReadableStream } from './source/readableStream.ts'
export type { Acknowledged } from './write/progress.ts'
export type { CassandraWritableStats } from './write/stats.ts'
