import { KafkaError, OptionError } from '../errors.ts'
import type {
  ConnectKafka,
  GroupListener,
  KafkaClient,
  PartitionLog,
  Subscription,
  TakeRecords,
  TopicOffset,
  TopicPartition,
} from '../options/kafkaClient.ts'
import { kafkaFailure } from './kafkaFailure.ts'
import {
  type Batch,
  isHopeless,
  type KafkaJs,
  type KafkaJsConsumer,
  type KafkaJsOptions,
} from './kafkaJsLibrary.ts'
import { KafkaJsMember } from './kafkaJsMember.ts'
import { recordOf } from './kafkaJsRecord.ts'
import { mayBeAborted } from './kafkaJsTransactions.ts'
import { PushedBytes } from './pushedBytes.ts'
import { PushedMessages } from './pushedMessages.ts'
import { retried } from './retried.ts'

/**
 * Connects through an instance of `Kafka` from the package `kafkajs` (classic protocol), or from the compatible
 * `@confluentinc/kafka-javascript`.
 *
 * @throws OptionError at once, when `kafka` is no such instance
 *
 * @example
 * runKafkaSink({ consumer: kafkaJsConsumer(new Kafka({ brokers: ['kafka1:9092'] })), … })
 */
export function kafkaJsConsumer(kafka: KafkaJs, options: KafkaJsOptions = {}): ConnectKafka {
  if (typeof kafka?.consumer !== 'function' || typeof kafka.admin !== 'function') {
    const text =
      'Expected `kafkaJsConsumer()` to get an instance of `Kafka`, as `kafkaJsConsumer(new Kafka({ … }))`'
    throw new OptionError('ERR_CASSANDRA_OPTION', 'consumer', text)
  }
  return subscription => new KafkaJsClient(kafka, options, subscription)
}

/** These clients push messages. A partition is paused while its messages are not wanted, and reading resumes with a seek. */
class KafkaJsClient implements KafkaClient {
  readonly #member: KafkaJsMember
  readonly #limit_ms: number
  readonly #bytes: PushedBytes
  readonly #reading = new Map<string, PushedMessages>()

  constructor(kafka: KafkaJs, options: KafkaJsOptions, subscription: Subscription) {
    this.#member = new KafkaJsMember(kafka, options, subscription)
    this.#limit_ms = subscription.retry_timeout_ms
    this.#bytes = new PushedBytes(subscription.max_fetched_bytes)
  }

  join(listener: GroupListener): Promise<void> {
    return this.#member.join({
      assigned: partitions => {
        this.#seekAll(partitions)
        if (!this.#member.closing.aborted) listener.assigned(partitions)
      },
      failed: error => listener.failed(error),
      delivered: (batch, resolveOffset) => this.#take(batch, resolveOffset),
      passedOver: (partition, first, last) => this.#passOver(partition, first, last),
    })
  }

  async log({ topic, partition }: TopicPartition, signal: AbortSignal): Promise<PartitionLog> {
    const either = AbortSignal.any([signal, this.#member.closing])
    try {
      return await retried(this.#limit_ms, either, () => this.#askForLog(topic, partition), isHopeless)
    } catch (cause) {
      either.throwIfAborted()
      throw kafkaFailure(`The offsets of ${topic}/${partition} cannot be read`, cause, { topic, partition })
    }
  }

  async read(from: TopicOffset, take: TakeRecords, signal: AbortSignal): Promise<void> {
    const flow = { pause: () => this.#pause(from), resume: () => this.#resume(from) }
    const pushed = new PushedMessages(from, take, flow, this.#bytes)
    this.#reading.set(keyOf(from), pushed)
    this.#seek(pushed)
    this.#resume(from)
    signal.addEventListener('abort', () => pushed.end(), { once: true })
    if (signal.aborted) pushed.end()
    try {
      await pushed.ended
    } finally {
      if (this.#reading.get(keyOf(from)) === pushed) this.#reading.delete(keyOf(from))
      this.#pause(from)
    }
  }

  async commit(offsets: readonly TopicOffset[]): Promise<void> {
    await this.#member.consumer.commitOffsets(offsets.map(each => ({ ...each, offset: String(each.offset) })))
  }

  close(): Promise<void> {
    return this.#member.close()
  }

  async #askForLog(topic: string, partition: number): Promise<PartitionLog> {
    const offsets = await this.#member.admin.fetchTopicOffsets(topic)
    const found = offsets.find(each => each.partition === partition)
    if (found === undefined) throw new Error('the topic has no such partition')
    return { first: BigInt(found.low), next: BigInt(found.high) }
  }

  /** Seeks in each partition. After a join, the client would otherwise read from the offsets that the group has committed. */
  #seekAll(assigned: readonly TopicPartition[]): void {
    for (const of of assigned) {
      const pushed = this.#reading.get(keyOf(of))
      if (pushed === undefined) this.#pause(of)
      else this.#seek(pushed)
    }
  }

  #take(batch: Batch, resolveOffset: (offset: string) => void): void {
    const pushed = this.#reading.get(keyOf(batch))
    const last = batch.messages.at(-1)
    // The client delivers messages again that are not resolved.
    if (pushed === undefined) this.#pause(batch)
    if (pushed === undefined || last === undefined) return
    const { fetchedOffset } = batch
    if (fetchedOffset !== undefined && !pushed.isExpected(BigInt(fetchedOffset))) {
      void this.#explainJump(pushed)
      return
    }
    if (mayBeAborted(batch.rawMessages)) {
      pushed.fail(outcomeUnknown(batch))
      return
    }
    const read = BigInt(batch.lastOffset?.() ?? last.offset)
    const records = batch.messages.map(message => recordOf(batch, message))
    if (!pushed.add(records, read)) return
    resolveOffset(last.offset)
    pushed.resolved(BigInt(last.offset))
  }

  /** Offsets before the first one may be missing after compaction, or because the log has begun later since. */
  #passOver(of: TopicPartition, first: bigint, last: bigint): void {
    const pushed = this.#reading.get(keyOf(of))
    if (pushed === undefined) return
    const { next } = pushed
    const passOver = () => {
      if (pushed.next === next) pushed.passOver(last)
    }
    if (pushed.isExpected(first) || first < next) passOver()
    else if (pushed.isGap(first, last)) void this.#whileInLog(pushed, passOver)
    else void this.#explainJump(pushed)
  }

  /** The client reads from a wrong offset: the log no longer has the right one, or the client has not done the seek yet. */
  #explainJump(pushed: PushedMessages): Promise<void> {
    return this.#whileInLog(pushed, () => this.#seek(pushed))
  }

  /** Fails if the log no longer has the next message. */
  async #whileInLog(pushed: PushedMessages, act: () => void): Promise<void> {
    const { topic, partition } = pushed.of
    try {
      const { first, next } = await this.log(pushed.of, new AbortController().signal)
      if (pushed.next >= first && pushed.next <= next) return act()
      const log = `the log, which begins at ${first} and ends before ${next}`
      const text = `Offset ${pushed.next} of ${topic}/${partition} is not in ${log}`
      pushed.fail(
        new KafkaError('ERR_CASSANDRA_KAFKA', text, { topic, partition, offset: String(pushed.next) }),
      )
    } catch (error) {
      pushed.fail(error as Error)
    }
  }

  #seek(pushed: PushedMessages): void {
    pushed.sought()
    this.#steer(consumer => consumer.seek({ ...pushed.of, offset: String(pushed.next) }))
  }

  #resume({ topic, partition }: TopicPartition): void {
    this.#steer(consumer => consumer.resume([{ topic, partitions: [partition] }]))
  }

  #pause({ topic, partition }: TopicPartition): void {
    this.#steer(consumer => consumer.pause([{ topic, partitions: [partition] }]))
  }

  /** Between a crash and its restart, the consumer cannot be steered, and throws. It then has no partitions until its next join. */
  #steer(act: (consumer: KafkaJsConsumer) => void): void {
    if (this.#member.closing.aborted) return
    try {
      act(this.#member.consumer)
    } catch {}
  }
}

/** The error for messages in transactions, if the instance of KafkaJS is not the expected one. */
function outcomeUnknown({ topic, partition, fetchedOffset = '' }: Batch): KafkaError {
  const text =
    `Messages of ${topic}/${partition} from offset ${fetchedOffset} on are in transactions, and this version of KafkaJS may ` +
    'deliver those of aborted ones. Use kafkajs 2.2, or the option `brokers`'
  return new KafkaError('ERR_CASSANDRA_KAFKA', text, { topic, partition, offset: fetchedOffset })
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
