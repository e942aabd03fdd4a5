import type { RowError } from '../errors.ts'
import type { CheckpointTable } from './checkpointPlace.ts'
import type { ConnectKafka, KafkaMessage, TopicPartition } from './kafkaClient.ts'
import type { CassandraWritableOptions } from './options.ts'

/** Where a partition without a checkpoint begins. */
export type KafkaStart =
  | 'earliest'
  | 'latest'
  | ((partition: TopicPartition) => bigint | number | Promise<bigint | number>)

/** Options of a Kafka sink: which messages to read, how to turn them into rows, and where to write the rows. */
export interface KafkaSinkOptions<Row extends object = object>
  extends Omit<CassandraWritableOptions<Row>, 'position' | 'on_bad_row'> {
  /**
   * Brokers to connect to first, as `host:port`. Needs the package `@platformatic/kafka`. Required, or `consumer`
   * instead.
   */
  readonly brokers?: string | readonly string[] | undefined
  /** Makes another Kafka client, instead of `brokers`. */
  readonly consumer?: ConnectKafka | undefined
  /** Consumer group whose members share the partitions. Checkpoints are kept under its name. */
  readonly group_id: string
  /** Topics to read. */
  readonly topics: string | readonly string[]
  /**
   * Returns the row of a message, an array of rows, or null for none. It must return the same rows each time, because a
   * message may be read again. If it throws, the message is a bad row.
   */
  readonly row: (message: KafkaMessage) => Row | readonly Row[] | null | undefined
  /**
   * Folder of the checkpoints, with one file per partition. It must exist, on a disk that survives a restart and that
   * all processes of the group share. Or a Cassandra table, with one row per partition.
   */
  readonly checkpoint: string | Omit<CheckpointTable, 'name'>
  /**
   * How messages without a value are handled. `delete` deletes the row that the function `row` returns, by its primary
   * key. `row` stores that row like any other.
   * @default 'row'
   */
  readonly tombstones?: 'row' | 'delete' | undefined
  /**
   * Where a partition without a checkpoint begins: at its first message, after its last one, or at the offset that the
   * function returns.
   * @default 'earliest'
   */
  readonly start?: KafkaStart | undefined
  /** `consumer` is the protocol of KIP-848, which needs Kafka 4.0 or later. Only with `brokers`. @default 'classic' */
  readonly group_protocol?: 'classic' | 'consumer' | undefined
  /**
   * Options of the Consumer of `@platformatic/kafka`, such as `tls`, `sasl` or `sessionTimeout`. Only with `brokers`.
   */
  readonly kafka_options?: Readonly<Record<string, unknown>> | undefined
  /**
   * Rows per epoch. The first epochs of a sink are smaller, so that Cassandra has work at once: 1,000 rows, and twice
   * as many each time. Half of `max_buffered_bytes` also ends an epoch, or a quarter in a Kafka sink. An integer from 1
   * to 1000000.
   * @default 10000
   */
  readonly rows_per_epoch?: number | string | undefined
  /** Longest time in milliseconds that a row waits for a fuller epoch. An integer from 1 to 3600000. @default 1000 */
  readonly epoch_interval_ms?: number | string | undefined
  /**
   * Called with the error, the message and the row, for each row that cannot be stored; all other rows are stored. The
   * row is undefined if `row` failed. The partition and `stop()` wait for the promise that it returns. If it throws,
   * the sink ends.
   * @default the sink ends with the error
   */
  readonly on_bad_row?:
    | ((error: RowError, message: KafkaMessage, row: Row | undefined) => void | Promise<void>)
    | undefined
}
