import { Kafka } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { kafkaJsConsumer, runKafkaSink } from '../../../lib/kafka/index.ts'
import { kafkaSettingsOf } from '../../../lib/options/kafkaSettings.ts'

const least = {
  brokers: 'b1:9092, b2:9093',
  group_id: 'a/b.c',
  topics: 'one,two',
  row: () => null,
  checkpoint: '/checkpoints',
  host: 'h',
  keyspace: 'ks',
  table: 't',
}

const refusalOf = (more: object) => {
  try {
    kafkaSettingsOf({ ...least, ...more } as typeof least)
  } catch (error) {
    return error
  }
  return undefined
}

describe('options of a Kafka sink', () => {
  it('have a normal form and defaults', () => {
    expect(kafkaSettingsOf(least)).toMatchObject({
      brokers: ['b1:9092', 'b2:9093'],
      topics: ['one', 'two'],
      group_folder: 'a%2Fb%2Ec',
      tombstones: 'row',
      start: 'earliest',
      group_protocol: 'classic',
      rows_per_epoch: 10_000,
      epoch_interval_ms: 1000,
      hosts: ['h'],
      checkpoint: '/checkpoints',
    })
  })

  it.each<[string, object]>([
    ['brokers', { brokers: 'b1' }],
    ['brokers', { brokers: undefined }],
    ['brokers', { brokers: 'b1:99999' }],
    ['brokers', { brokers: 'b1:0' }],
    ['group_id', { group_id: undefined }],
    ['group_id', { group_id: 'x'.repeat(256) }],
    ['group_id', { group_id: '\ud800' }],
    ['group_id', { group_id: 'two words' }],
    ['kafka_options', { kafka_options: { groupId: 'other' } }],
    ['kafka_options', { kafka_options: { autocommit: true } }],
    ['kafka_options', { kafka_options: { autocreateTopics: true } }],
    ['topics', { topics: '..' }],
    ['topics', { topics: [] }],
    ['topics', { topics: ['a', 'a'] }],
    ['row', { row: 'value' }],
    ['checkpoint', { checkpoint: undefined }],
    ['start', { start: 'newest' }],
    ['tombstones', { tombstones: 'ignore' }],
    ['group_protocol', { brokers: undefined, consumer: () => {}, group_protocol: 'classic' }],
    ['keyspace', { keyspace: undefined }],
    ['on_bad_row', { max_errors: 1 }],
  ])('are refused if %s is wrong: %j', (option, more) => {
    expect(refusalOf(more)).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option })
  })

  it.each(['checkpoint_location', 'position', 'take_over', 'topic'])('do not include %s', option => {
    expect(refusalOf({ [option]: 'x' })).toMatchObject({ code: 'ERR_CASSANDRA_OPTION_UNKNOWN', option })
  })

  it('are refused before anything is opened', () => {
    const kafka = { consumer: () => expect.unreachable(), admin: () => expect.unreachable() }
    const { brokers: _, ...rest } = least
    const options = { ...rest, consumer: kafkaJsConsumer(kafka), table: '' }
    expect(() => runKafkaSink(options)).toThrow(expect.objectContaining({ code: 'ERR_CASSANDRA_OPTION' }))
  })
})

describe('a consumer that is no KafkaClient', () => {
  const { brokers: _, ...shared } = least

  it.each<[string, () => unknown]>([
    ['an empty object', () => ({})],
    ['nothing', () => undefined],
    ['a consumer of KafkaJS', () => new Kafka({ brokers: ['b1:9092'] }).consumer({ groupId: 'g' })],
  ])('is refused at once: %s', (_, consumer) => {
    const run = () => runKafkaSink({ ...shared, consumer: consumer as never })
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_CASSANDRA_OPTION', option: 'consumer' }))
  })

  it('is refused before that if `kafkaJsConsumer()` got no instance of Kafka', () => {
    for (const kafka of [undefined, {}, { consumer: () => {} }]) {
      expect(() => kafkaJsConsumer(kafka as never)).toThrow(expect.objectContaining({ option: 'consumer' }))
    }
  })
})
