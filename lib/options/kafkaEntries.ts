import type { RowError } from '../errors.ts'
import { checkpointStore } from './checkpointPlace.ts'
import { epochEntries, writeEntries } from './entries.ts'
import { type Kind, type OptionEntry, object, oneOf, text } from './entry.ts'
import type { ConnectKafka, KafkaMessage } from './kafkaClient.ts'
import type { KafkaSinkOptions, KafkaStart } from './kafkaOptions.ts'

const namesIn = (given: unknown) =>
  typeof given === 'string' ? given.split(',').map(name => name.trim()) : given

const isNames = (value: unknown, isName: (name: unknown) => boolean): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every(isName)

const MOST_PORT = 65_535

/** The port is required, because Kafka has no usual one for TLS. */
const brokerPattern = /^\S+:(\d{1,5})$/

const isBroker = (name: unknown) => {
  const port = text.accepts(name) ? Number(brokerPattern.exec(name)?.[1]) : 0
  return port >= 1 && port <= MOST_PORT
}

const brokerNames: Kind<readonly string[]> = {
  expected: 'an array of `host:port`, or a comma-separated list of them',
  read: namesIn,
  accepts: (value): value is readonly string[] => isNames(value, isBroker),
}

/** Names of topics that Kafka accepts. */
const topicPattern = /^(?!\.{1,2}$)[\w.-]{1,249}$/

const topicNames: Kind<readonly string[]> = {
  expected: 'an array of different topic names, or a comma-separated list of them',
  read: namesIn,
  accepts: (value): value is readonly string[] =>
    isNames(value, name => text.accepts(name) && topicPattern.test(name)) &&
    new Set(value).size === value.length,
}

const aFunction = <Value extends (...given: never[]) => unknown>(expected: string): Kind<Value> => ({
  expected,
  accepts: (value): value is Value => typeof value === 'function',
})

const startKind: Kind<KafkaStart> = {
  expected: 'earliest, latest, or a function that returns the offset of a partition',
  accepts: (value): value is KafkaStart =>
    value === 'earliest' || value === 'latest' || typeof value === 'function',
}

/** Options that only a Kafka sink has. */
export const kafkaEntries = {
  brokers: {
    ...brokerNames,
    otherwise: 'required, or `consumer` instead',
    meaning: 'brokers to connect to first, as `host:port`. Needs the package `@platformatic/kafka`',
  },
  consumer: {
    ...aFunction<ConnectKafka>('a function that makes a Kafka client, such as `kafkaJsConsumer(kafka)`'),
    meaning: 'makes another Kafka client, instead of `brokers`',
  },
  group_id: {
    ...text,
    otherwise: 'required',
    meaning: 'consumer group whose members share the partitions. Checkpoints are kept under its name',
  },
  topics: { ...topicNames, otherwise: 'required', meaning: 'topics to read' },
  row: {
    ...aFunction<(message: KafkaMessage) => object | readonly object[] | null | undefined>(
      'a function of a message',
    ),
    otherwise: 'required',
    meaning:
      'returns the row of a message, an array of rows, or null for none. It must return the same rows each time, because a message may be read again. If it throws, the message is a bad row',
  },
  checkpoint: {
    ...checkpointStore,
    otherwise: 'required',
    meaning:
      'folder of the checkpoints, with one file per partition. It must exist, on a disk that survives a restart and that all processes of the group share. Or a Cassandra table, with one row per partition',
  },
  tombstones: {
    ...oneOf(['row', 'delete']),
    fallback: 'row',
    meaning:
      'how messages without a value are handled. `delete` deletes the row that the function `row` returns, by its primary key. `row` stores that row like any other',
  },
  start: {
    ...startKind,
    fallback: 'earliest',
    meaning:
      'where a partition without a checkpoint begins: at its first message, after its last one, or at the offset that the function returns',
  },
  group_protocol: {
    ...oneOf(['classic', 'consumer']),
    fallback: 'classic',
    meaning: '`consumer` is the protocol of KIP-848, which needs Kafka 4.0 or later. Only with `brokers`',
  },
  kafka_options: {
    ...object<Readonly<Record<string, unknown>>>('an object of options of `@platformatic/kafka`'),
    meaning:
      'options of the Consumer of `@platformatic/kafka`, such as `tls`, `sasl` or `sessionTimeout`. Only with `brokers`',
  },
  on_bad_row: {
    ...aFunction<(error: RowError, message: KafkaMessage, row: never) => void | Promise<void>>(
      'a function of an error, a message and a row',
    ),
    otherwise: 'the sink ends with the error',
    meaning:
      'called with the error, the message and the row, for each row that cannot be stored; all other rows are stored. The row is undefined if `row` failed. The partition and `stop()` wait for the promise that it returns. If it throws, the sink ends',
  },
  rows_per_epoch: epochEntries.rows_per_epoch,
  epoch_interval_ms: epochEntries.epoch_interval_ms,
} satisfies Record<
  Exclude<keyof KafkaSinkOptions, keyof Omit<typeof writeEntries, 'on_bad_row' | 'position'>>,
  OptionEntry
>

const { on_bad_row: _on_bad_row, position: _position, ...sharedEntries } = writeEntries

/** Options that a Kafka sink shares with the other sinks. */
export const sharedKafkaEntries = sharedEntries
