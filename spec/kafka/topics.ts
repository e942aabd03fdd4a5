import { randomBytes } from 'node:crypto'
import { Admin as RecordsAdmin } from '@platformatic/kafka'
import {
  type Admin,
  type ITopicConfig,
  Kafka,
  logLevel,
  type Message,
  Partitioners,
  type Producer,
} from 'kafkajs'
import { retried } from '../../lib/kafka/retried.ts'
import { Network } from './network.ts'

/** Topics for a spec and a producer of messages. Uses another client than the sink. */
export class Topics {
  readonly kafka: Kafka
  readonly admin: Admin
  readonly producer: Producer
  readonly #brokers: string[]

  constructor(brokers: readonly string[]) {
    this.#brokers = [...brokers]
    this.kafka = new Kafka({ clientId: 'spec', brokers: [...brokers], logLevel: logLevel.NOTHING })
    this.admin = this.kafka.admin()
    this.producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  }

  /** Deletes the messages of partition 0 before this offset. */
  async deleteBefore(topic: string, offset: bigint): Promise<void> {
    // The admin client of KafkaJS does not find the leader of a topic that it has not read.
    const admin = new RecordsAdmin({ clientId: 'spec', bootstrapBrokers: this.#brokers })
    await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 0, offset }] }] })
    await admin.close()
  }

  async open(): Promise<void> {
    await Promise.all([this.admin.connect(), this.producer.connect()])
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()])
  }

  /** Creates a topic. Returns its name, which has a random suffix, because several runs may share a broker. */
  async make(name: string, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = `${name}-${randomBytes(4).toString('hex')}`
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await this.create({ topic, numPartitions: partitions, configEntries })
    return topic
  }

  /** Creates a topic. KafkaJS fails if a broker has not heard of the topic after 100 ms. A repeat finds it there. */
  async create(config: ITopicConfig): Promise<void> {
    const create = () => this.admin.createTopics({ topics: [config], waitForLeaders: true })
    await retried(30_000, new AbortController().signal, create)
  }

  /** Aborts a transaction that has partition 0 and no message, as after a producer that ended before its first message. */
  async abortEmptyTransaction(topic: string): Promise<void> {
    const network = await Network.create()
    const socketFactory = network.socketFactory as never
    const kafka = new Kafka({ brokers: this.#brokers, logLevel: logLevel.NOTHING, socketFactory })
    const producer = kafka.producer({
      transactionalId: `empty ${topic}`,
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    producer.on('producer.network.request', ({ payload }) => {
      if (payload.apiName === 'AddPartitionsToTxn') network.down()
    })
    await transaction.send({ topic, messages: [{ partition: 0, value: 'never' }] }).catch(() => {})
    network.up()
    await transaction.abort()
    await producer.disconnect()
  }

  async send(topic: string, messages: Message[]): Promise<void> {
    await this.producer.send({ topic, messages })
  }

  /** Offset after the last message of each partition. */
  async ends(topic: string): Promise<bigint[]> {
    const found = await this.admin.fetchTopicOffsets(topic)
    return found.sort((a, b) => a.partition - b.partition).map(({ high }) => BigInt(high))
  }

  /** Offset that the group committed per partition. -1 for none. */
  async committed(groupId: string, topic: string): Promise<bigint[]> {
    const [found] = await this.admin.fetchOffsets({ groupId, topics: [topic] })
    return (found?.partitions ?? [])
      .sort((a, b) => a.partition - b.partition)
      .map(({ offset }) => BigInt(offset))
  }
}
