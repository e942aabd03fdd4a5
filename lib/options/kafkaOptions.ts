import type { RowError } from '../errors.ts'
import type { CheckpointTable } from './checkpointPlace.ts'
import type { ConnectKafka, KafkaMessage, TopicPartition } from './kafkaClient.ts'
import type { CassandraWritableOptions } from './options.ts'

/** Where a partition without a checkpoint begins. */
export type KafkaStart =
  | 'earliest'
  | 'latest'
  | ((partition: TopicPartition) => bigint | number | Promise<bigint | number>)

/** What a Kafka sink is told: which messages, what rows they are, and where the rows go. */
export interface KafkaSinkOptions<Row extends object = object>
  extends Omit<CassandraWritableOptions<Row>, 'position' | 'on_bad_row'> {
  /** Brokers to begin with. Needs the package `@platformatic/kafka`. Required, or `consumer`. */
  readonly brokers?: string | readonly string[] | undefined
  /** Another client, in place of `brokers`. */
  readonly consumer?: ConnectKafka | undefined
  /** Consumer group that shares the partitions out. Checkpoints are kept by its name. */
  readonly group_id: string
  /** Topics to read. */
  readonly topics: string | readonly string[]
  /**
   * Gives the row of a message, an array of rows, or null for none. It must give the same rows each time, since a
   * message may come again. What it throws makes the message a bad row.
   */
  readonly row: (message: KafkaMessage) => Row | readonly Row[] | null | undefined
  /**
   * Folder that records what is written, one file per partition, on a disk that survives a restart and that every
   * process of the group shares. It must exist. Or a Cassandra table, with a row per partition.
   */
  readonly checkpoint: string | Omit<CheckpointTable, 'name'>
  /**
   * `delete` deletes what `row` gives for a message without a value, by its primary key; `row` stores it like the
   * others.
   * @default 'row'
   */
  readonly tombstones?: 'row' | 'delete' | undefined
  /**
   * Where a partition without a checkpoint begins: at its first message, behind its last one, or at the offset that the
   * function gives.
   * @default 'earliest'
   */
  readonly start?: KafkaStart | undefined
  /** `consumer` is that of KIP-848, of brokers from 4.0 on. Goes with `brokers`. @default 'classic' */
  readonly group_protocol?: 'classic' | 'consumer' | undefined
  /** Options of its Consumer, such as `tls`, `sasl` or `sessionTimeout`. Goes with `brokers`. */
  readonly kafka_options?: Readonly<Record<string, unknown>> | undefined
  /**
   * Rows per epoch. The first epochs of a sink are smaller, so that Cassandra has work at once: 1,000 rows, and twice
   * as many each time. Half of `max_buffered_bytes` also ends an epoch. An integer from 1 to 1000000.
   * @default 10000
   */
  readonly rows_per_epoch?: number | string | undefined
  /** Longest time in milliseconds that a row waits for a fuller epoch. An integer from 1 to 3600000. @default 1000 */
  readonly epoch_interval_ms?: number | string | undefined
  /**
   * Called with each row that cannot be stored, why, and the message that it came from; all other rows are stored. The
   * row is undefined where `row` failed. The partition waits for the promise that it returns, and the sink ends when it
   * throws.
   * @default the sink ends with the error
   */
  readonly on_bad_row?:
    | ((error: RowError, message: KafkaMessage, row: Row | undefined) => void | Promise<void>)
    | undefined
}
