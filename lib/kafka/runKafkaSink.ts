import type { KafkaSinkOptions } from '../options/kafkaOptions.ts'
import { kafkaSettingsOf } from '../options/kafkaSettings.ts'
import { GroupSink } from './groupSink.ts'
import type { KafkaSinkStats } from './kafkaStats.ts'
import { platformaticConsumer } from './platformaticClient.ts'

/** A running member of a consumer group that writes the rows of its messages. */
export interface KafkaSink extends AsyncDisposable {
  /** Live counters. */
  readonly stats: KafkaSinkStats
  /** Resolves when the sink has stopped. Rejects with the error that ended the sink, once nothing more is written. */
  readonly done: Promise<void>
  /**
   * Stops reading, commits the rows of all messages so far, leaves the group and closes every connection. Settles like `done`. An
   * incomplete replay of an earlier process's epoch stays sealed for the next owner.
   */
  stop(): Promise<void>
}

/**
 * Joins a consumer group and writes the rows of its messages into a Cassandra table, exactly once: the table is the same as after
 * one run without failures, even if processes are killed, paused, added or removed. Give all processes of the group the same
 * `group_id`, `topics`, `checkpoint` and `row`.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Every other error rejects `done`:
 * `ConnectionError`, `SchemaError`, `RowError`, `WriteError`, `CheckpointError`, `KafkaError`.
 *
 * @example
 * const sink = runKafkaSink({
 *   brokers: 'kafka1:9092',
 *   group_id: 'orders-to-cassandra',
 *   topics: 'orders',
 *   row: ({ value }) => JSON.parse(String(value)),
 *   checkpoint: '/var/lib/orders',
 *   host: 'cassandra1',
 *   keyspace: 'shop',
 *   table: 'orders',
 * })
 * process.once('SIGTERM', () => sink.stop())
 * await sink.done
 */
export function runKafkaSink<Row extends object = object>(options: KafkaSinkOptions<Row>): KafkaSink {
  const settings = kafkaSettingsOf(options)
  const { brokers = [], group_id, topics, max_buffered_bytes, retry_timeout_ms } = settings
  const { group_protocol, kafka_options = {} } = settings
  const connect = settings.consumer ?? platformaticConsumer({ brokers, group_protocol, kafka_options })
  const subscription = { group_id, topics, max_fetched_bytes: max_buffered_bytes / 4, retry_timeout_ms }
  const sink = new GroupSink(settings, connect(subscription))
  const stop = () => sink.stop()
  return { stats: sink.tally.stats, done: sink.done, stop, [Symbol.asyncDispose]: stop }
}
