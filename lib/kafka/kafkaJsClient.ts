import { KafkaError } from '../errors.ts'
import type {
  ConnectKafka,
  GroupListener,
  KafkaClient,
  KafkaRecord,
  PartitionLog,
  Subscription,
  TopicOffset,
  TopicPartition,
} from '../options/kafkaClient.ts'
import { kafkaFailure } from './kafkaFailure.ts'
import { type KafkaJsMessage, recordOf } from './kafkaJsRecord.ts'
import { PushedMessages } from './pushedMessages.ts'

/** An instance of `Kafka` from `kafkajs`, or from `KafkaJS` in `@confluentinc/kafka-javascript`. */
export interface KafkaJs {
  /** Makes a consumer. */
  consumer(config: object): unknown
  /** Makes an admin client. */
  admin(): unknown
}

/** Options of {@link kafkaJsConsumer}. */
export interface KafkaJsOptions {
  /**
   * The library of the instance. The code for `confluent` follows the library's documentation and is not tested.
   * @default 'kafkajs'
   */
  readonly library?: 'kafkajs' | 'confluent'
  /** Options of the consumer, such as `sessionTimeout`. */
  readonly consumer_options?: Readonly<Record<string, unknown>>
}

interface Batch extends TopicPartition {
  readonly messages: readonly KafkaJsMessage[]
  /** Offset at which the fetch of this batch began. KafkaJS sets it, but does not declare it in its types. */
  readonly fetchedOffset?: string
}

interface JoinEvent {
  readonly payload: { readonly memberAssignment: Readonly<Record<string, readonly number[]>> }
}

interface CrashEvent {
  readonly payload: { readonly error: Error; readonly restart: boolean }
}

interface BatchEvent {
  readonly payload: TopicPartition & { readonly batchSize: number; readonly lastOffset: string }
}

interface Consumer {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(subscription: object): Promise<void>
  run(config: {
    readonly autoCommit?: false
    readonly eachBatchAutoResolve: false
    readonly partitionsConsumedConcurrently: number
    readonly eachBatch: (payload: {
      readonly batch: Batch
      resolveOffset(offset: string): void
      isStale(): boolean
    }) => Promise<void>
  }): Promise<void>
  seek(offset: TopicPartition & { readonly offset: string }): void
  pause(partitions: { readonly topic: string; readonly partitions: number[] }[]): void
  resume(partitions: { readonly topic: string; readonly partitions: number[] }[]): void
  commitOffsets(offsets: (TopicPartition & { readonly offset: string })[]): Promise<void>
  on?(event: string, listener: (event: never) => void): unknown
  /** In Confluent's client only. */
  assignment?(): readonly TopicPartition[]
}

interface Admin {
  connect(): Promise<void>
  disconnect(): Promise<void>
  fetchTopicOffsets(
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly high: string; readonly low: string }[]>
}

/** Longest time in milliseconds that a broker waits for messages. A resumed partition waits at most that long for its fetch. */
const WAIT_MS = 200

/** Most bytes of one partition in one response. */
const PARTITION_BYTES = 1_048_576

/** Milliseconds between two checks of the assignment, for Confluent's client, which has no event for it. */
const LOOK_MS = 100

/** Most batches that are handed over at the same time. */
const BATCHES_AT_ONCE = 16

/** Most messages in a batch of Confluent's client, which groups messages itself. */
const CONFLUENT_BATCH = 1_000

/** Longest time in milliseconds to wait for the consumer to leave its group. */
const LEAVE_MS = 10_000

/**
 * Connects through an instance of `Kafka` from the package `kafkajs` (classic protocol), or from the compatible
 * `@confluentinc/kafka-javascript`.
 *
 * @example
 * runKafkaSink({ consumer: kafkaJsConsumer(new Kafka({ brokers: ['kafka1:9092'] })), … })
 */
export function kafkaJsConsumer(kafka: KafkaJs, options: KafkaJsOptions = {}): ConnectKafka {
  return subscription => new KafkaJsClient(kafka, options, subscription)
}

/** These clients push messages. A partition is paused while its messages are not wanted, and reading resumes with a seek. */
class KafkaJsClient implements KafkaClient {
  readonly #subscription: Subscription
  readonly #isConfluent: boolean
  readonly #consumer: Consumer
  readonly #admin: Admin
  readonly #reading = new Map<string, PushedMessages>()
  #assigned: readonly TopicPartition[] = []
  #listener: GroupListener | undefined
  #look: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(kafka: KafkaJs, { library, consumer_options }: KafkaJsOptions, subscription: Subscription) {
    const { group_id: groupId } = subscription
    this.#subscription = subscription
    this.#isConfluent = library === 'confluent'
    const common = { groupId, maxBytesPerPartition: PARTITION_BYTES, ...consumer_options }
    const config = this.#isConfluent
      ? {
          kafkaJS: { ...common, autoCommit: false },
          'auto.offset.reset': 'error',
          'js.consumer.max.batch.size': CONFLUENT_BATCH,
        }
      : { maxWaitTimeInMs: WAIT_MS, ...common }
    this.#consumer = kafka.consumer(config) as Consumer
    this.#admin = kafka.admin() as Admin
  }

  async join(listener: GroupListener): Promise<void> {
    const { topics, group_id } = this.#subscription
    const consumer = this.#consumer
    this.#listener = listener
    try {
      await Promise.all([consumer.connect(), this.#admin.connect()])
      const fromBeginning = this.#isConfluent ? {} : { fromBeginning: true }
      await consumer.subscribe({ topics: [...topics], ...fromBeginning })
      if (!this.#isConfluent) this.#listen()
      await consumer.run({
        ...(!this.#isConfluent && { autoCommit: false }),
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: BATCHES_AT_ONCE,
        eachBatch: async ({ batch, resolveOffset, isStale }) => {
          if (!isStale()) this.#take(batch, resolveOffset)
        },
      })
    } catch (cause) {
      throw kafkaFailure(`Group ${group_id} cannot be joined`, cause)
    }
    if (this.#isConfluent && !this.#isClosed)
      this.#look = setInterval(() => this.#lookAtAssignment(), LOOK_MS)
  }

  async log({ topic, partition }: TopicPartition, signal: AbortSignal): Promise<PartitionLog> {
    signal.throwIfAborted()
    try {
      const found = (await this.#admin.fetchTopicOffsets(topic)).find(each => each.partition === partition)
      if (found === undefined) throw new Error('the topic has no such partition')
      return { first: BigInt(found.low), next: BigInt(found.high) }
    } catch (cause) {
      throw kafkaFailure(`The offsets of ${topic}/${partition} cannot be read`, cause, { topic, partition })
    }
  }

  async read(
    from: TopicOffset,
    take: (records: readonly KafkaRecord[]) => undefined | Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { topic, partition } = from
    const pushed = new PushedMessages(from, take, {
      pause: () => this.#pause(from),
      resume: () => this.#consumer.resume([{ topic, partitions: [partition] }]),
    })
    this.#reading.set(keyOf(from), pushed)
    this.#seek(pushed)
    this.#consumer.resume([{ topic, partitions: [partition] }])
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
    await this.#consumer.commitOffsets(offsets.map(each => ({ ...each, offset: String(each.offset) })))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#look)
    const left = Promise.allSettled([this.#consumer.disconnect(), this.#admin.disconnect()])
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, LEAVE_MS)
    })
    await Promise.race([left, late])
    clearTimeout(timer)
  }

  #listen(): void {
    const { on } = this.#consumer
    on?.('consumer.group_join', ({ payload }: JoinEvent) => {
      this.#join(
        Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
          partitions.map(partition => ({ topic, partition })),
        ),
      )
    })
    on?.('consumer.crash', ({ payload: { error, restart } }: CrashEvent) => {
      if (this.#isClosed) return
      this.#join([])
      const { group_id } = this.#subscription
      if (!restart) this.#listener?.failed(kafkaFailure(`The consumer of group ${group_id} crashed`, error))
    })
    // A batch may have no messages, for example because its transaction was aborted.
    on?.('consumer.start_batch_process', ({ payload }: BatchEvent) => {
      if (payload.batchSize === 0) this.#reading.get(keyOf(payload))?.passOver(BigInt(payload.lastOffset))
    })
  }

  #lookAtAssignment(): void {
    const assigned = this.#consumer.assignment?.() ?? []
    const before = new Set(this.#assigned.map(keyOf))
    if (assigned.length === before.size && assigned.every(each => before.has(keyOf(each)))) return
    this.#join(assigned.map(({ topic, partition }) => ({ topic, partition })))
  }

  /** Seeks in each partition. After a join, the client would otherwise read from the offsets that the group has committed. */
  #join(assigned: readonly TopicPartition[]): void {
    this.#assigned = assigned
    for (const of of assigned) {
      const pushed = this.#reading.get(keyOf(of))
      if (pushed === undefined) this.#pause(of)
      else this.#seek(pushed)
    }
    if (!this.#isClosed) this.#listener?.assigned(assigned)
  }

  #take(batch: Batch, resolveOffset: (offset: string) => void): void {
    const pushed = this.#reading.get(keyOf(batch))
    const last = batch.messages.at(-1)
    // The client delivers messages again that are not resolved.
    if (pushed === undefined) this.#pause(batch)
    if (pushed === undefined || last === undefined) return
    const { fetchedOffset } = batch
    if (fetchedOffset !== undefined && BigInt(fetchedOffset) > pushed.expected) {
      void this.#explainJump(pushed)
      return
    }
    if (pushed.add(batch.messages.map(message => recordOf(batch, message)))) resolveOffset(last.offset)
  }

  /** The client reads from a wrong offset: the log no longer has the right one, or the client has not done the seek yet. */
  async #explainJump(pushed: PushedMessages): Promise<void> {
    const { topic, partition } = pushed.of
    try {
      const { first, next } = await this.log(pushed.of, new AbortController().signal)
      if (pushed.next >= first && pushed.next <= next) return this.#seek(pushed)
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
    this.#consumer.seek({ ...pushed.of, offset: String(pushed.next) })
  }

  #pause({ topic, partition }: TopicPartition): void {
    if (this.#isClosed) return
    this.#consumer.pause([{ topic, partitions: [partition] }])
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
