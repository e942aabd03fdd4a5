import { OptionError } from '../errors.ts'
import type { KafkaClient } from '../options/kafkaClient.ts'
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
   * Stops reading, commits the rows of all messages that `row` got, leaves the group and closes every connection. Settles like
   * `done`. Waits for `on_bad_row`, which therefore must not wait for it. An incomplete replay of an earlier process's epoch stays
   * sealed for the next owner.
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
  const sink = new GroupSink(settings, checkedClient(connect(subscription)))
  const stop = () => sink.stop()
  return { stats: sink.tally.stats, done: sink.done, stop, [Symbol.asyncDispose]: stop }
}

/** @throws OptionError when the option `consumer` returned something else, such as a consumer of a library */
function checkedClient(client: KafkaClient): KafkaClient {
  const methods = ['join', 'log', 'read', 'commit', 'close'] as const
  const missing = methods.find(name => typeof (client as Partial<KafkaClient> | null)?.[name] !== 'function')
  if (missing === undefined) return client
  const text = `Expected \`consumer\` to return a KafkaClient, such as \`kafkaJsConsumer(kafka)\` does; it has no ${missing}()`
  throw new OptionError('ERR_CASSANDRA_OPTION', 'consumer', text)
}
