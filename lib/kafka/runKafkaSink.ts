import type { KafkaSinkOptions } from '../options/kafkaOptions.ts'
import { kafkaSettingsOf } from '../options/kafkaSettings.ts'
import { GroupSink } from './groupSink.ts'
import type { KafkaSinkStats } from './kafkaStats.ts'
import { platformaticConsumer } from './platformaticClient.ts'

/** A consumer group member that writes what it consumes. */
export interface KafkaSink extends AsyncDisposable {
  /** Live. */
  readonly stats: KafkaSinkStats
  /** Resolves when the sink was stopped. Rejects with what it failed with, once nothing is written any more. */
  readonly done: Promise<void>
  /**
   * Reads no more, commits the rows that came, leaves the group and closes every connection. Settles as `done`. An epoch that
   * an earlier process began and whose messages did not all come again stays as it is, for the next owner.
   */
  stop(): Promise<void>
}

/**
 * Joins a consumer group and writes the rows of its messages into a Cassandra table, each exactly once: the table equals that
 * of one run without failures, whatever processes are killed, paused, added and taken away. Every process of the group is
 * given the same `group_id`, `topics`, `checkpoint` and `row`.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes by `done`:
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
