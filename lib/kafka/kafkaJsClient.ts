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

/** What is used of an instance of `Kafka`, of `kafkajs` or of `KafkaJS` in `@confluentinc/kafka-javascript`. */
export interface KafkaJs {
  /** Makes a consumer. */
  consumer(config: object): unknown
  /** Makes an admin client. */
  admin(): unknown
}

/** How a client of the KafkaJS kind is used. */
export interface KafkaJsOptions {
  /**
   * Which library the instance is of. That of Confluent is used by its documented API; it is not tested here.
   * @default 'kafkajs'
   */
  readonly library?: 'kafkajs' | 'confluent'
  /** Options of the consumer, such as `sessionTimeout`. */
  readonly consumer_options?: Readonly<Record<string, unknown>>
}

interface Batch extends TopicPartition {
  readonly messages: readonly KafkaJsMessage[]
  /** Not in its types: where the fetch began that the batch came by. */
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
  /** Of Confluent's alone. */
  assignment?(): readonly TopicPartition[]
}

interface Admin {
  connect(): Promise<void>
  disconnect(): Promise<void>
  fetchTopicOffsets(
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly high: string; readonly low: string }[]>
}

/** Longest time in milliseconds that a broker waits for messages. A partition that goes on waits that long at most. */
const WAIT_MS = 200

/** Most bytes of one partition in one answer. */
const PARTITION_BYTES = 1_048_576

/** Milliseconds between two looks at what is assigned, where there is no event for that. */
const LOOK_MS = 100

/** Batches that are handed over at once. */
const BATCHES_AT_ONCE = 16

/** Messages in a batch of Confluent's client, which makes them itself. */
const CONFLUENT_BATCH = 1_000

/** Longest time in milliseconds to wait for a consumer that leaves. */
const LEAVE_MS = 10_000

/**
 * Connects by an instance of `Kafka` of the package `kafkajs` (classic protocol), or of the compatible one of
 * `@confluentinc/kafka-javascript`.
 *
 * @example
 * runKafkaSink({ consumer: kafkaJsConsumer(new Kafka({ brokers: ['kafka1:9092'] })), … })
 */
export function kafkaJsConsumer(kafka: KafkaJs, options: KafkaJsOptions = {}): ConnectKafka {
  return subscription => new KafkaJsClient(kafka, options, subscription)
}

/** These clients push: a partition is paused while nobody takes its messages, and sought to where they go on. */
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
    // Batches without messages, as of transactions that were aborted, are passed over.
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

  /** After each join it would read from the offsets of the group. */
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
    // What is not resolved comes again.
    if (pushed === undefined) this.#pause(batch)
    if (pushed === undefined || last === undefined) return
    const { fetchedOffset } = batch
    if (fetchedOffset !== undefined && BigInt(fetchedOffset) > pushed.expected) {
      void this.#explainJump(pushed)
      return
    }
    if (pushed.add(batch.messages.map(message => recordOf(batch, message)))) resolveOffset(last.offset)
  }

  /** It reads from another offset than it was told: one that the log does not have any more, or it did not hear yet. */
  async #explainJump(pushed: PushedMessages): Promise<void> {
    const { topic, partition } = pushed.of
    try {
      const { first, next } = await this.log(pushed.of, new AbortController().signal)
      if (pushed.next >= first && pushed.next <= next) return this.#seek(pushed)
      const text = `Offset ${pushed.next} of ${topic}/${partition} is out of range: its log has ${first} to ${next}`
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
