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

/** A port behind each name, since there is no usual one for TLS. */
const brokerPattern = /^\S+:\d{1,5}$/

const brokerNames: Kind<readonly string[]> = {
  expected: 'an array of `host:port`, or these with commas between them',
  read: namesIn,
  accepts: (value): value is readonly string[] =>
    isNames(value, name => text.accepts(name) && brokerPattern.test(name)),
}

/** What Kafka takes as the name of a topic. */
const topicPattern = /^(?!\.{1,2}$)[\w.-]{1,249}$/

const topicNames: Kind<readonly string[]> = {
  expected: 'an array of names of topics, or names with commas between them',
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
  expected: 'one of earliest, latest, or a function that gives the offset of a partition',
  accepts: (value): value is KafkaStart =>
    value === 'earliest' || value === 'latest' || typeof value === 'function',
}

/** What a Kafka sink has beside the options of every sink. */
export const kafkaEntries = {
  brokers: {
    ...brokerNames,
    otherwise: 'required, or `consumer`',
    meaning: 'brokers to begin with. Needs the package `@platformatic/kafka`',
  },
  consumer: {
    ...aFunction<ConnectKafka>('a function that makes a Kafka client, such as `kafkaJsConsumer(kafka)`'),
    meaning: 'another client, in place of `brokers`',
  },
  group_id: {
    ...text,
    otherwise: 'required',
    meaning: 'consumer group that shares the partitions out. Checkpoints are kept by its name',
  },
  topics: { ...topicNames, otherwise: 'required', meaning: 'topics to read' },
  row: {
    ...aFunction<(message: KafkaMessage) => object | readonly object[] | null | undefined>(
      'a function of a message',
    ),
    otherwise: 'required',
    meaning:
      'gives the row of a message, an array of rows, or null for none. It must give the same rows each time, since a message may come again. What it throws makes the message a bad row',
  },
  checkpoint: {
    ...checkpointStore,
    otherwise: 'required',
    meaning:
      'folder that records what is written, one file per partition, on a disk that survives a restart and that every process of the group shares. It must exist. Or a Cassandra table, with a row per partition',
  },
  tombstones: {
    ...oneOf(['row', 'delete']),
    fallback: 'row',
    meaning:
      '`delete` deletes what `row` gives for a message without a value, by its primary key; `row` stores it like the others',
  },
  start: {
    ...startKind,
    fallback: 'earliest',
    meaning:
      'where a partition without a checkpoint begins: at its first message, behind its last one, or at the offset that the function gives',
  },
  group_protocol: {
    ...oneOf(['classic', 'consumer']),
    fallback: 'classic',
    meaning: '`consumer` is that of KIP-848, of brokers from 4.0 on. Goes with `brokers`',
  },
  kafka_options: {
    ...object<Readonly<Record<string, unknown>>>('an object of options of `@platformatic/kafka`'),
    meaning: 'options of its Consumer, such as `tls`, `sasl` or `sessionTimeout`. Goes with `brokers`',
  },
  on_bad_row: {
    ...aFunction<(error: RowError, message: KafkaMessage, row: never) => void | Promise<void>>(
      'a function of an error, a message and a row',
    ),
    otherwise: 'the sink ends with the error',
    meaning:
      'called with each row that cannot be stored, why, and the message that it came from; all other rows are stored. The row is undefined where `row` failed. The partition waits for the promise that it returns, and the sink ends when it throws',
  },
  rows_per_epoch: epochEntries.rows_per_epoch,
  epoch_interval_ms: epochEntries.epoch_interval_ms,
} satisfies Record<
  Exclude<keyof KafkaSinkOptions, keyof Omit<typeof writeEntries, 'on_bad_row' | 'position'>>,
  OptionEntry
>

const { on_bad_row: _on_bad_row, position: _position, ...sharedEntries } = writeEntries

/** Options of every sink that a Kafka sink has too, of the same meaning. */
export const sharedKafkaEntries = sharedEntries
