import { setTimeout as delay } from 'node:timers/promises'
import { KafkaError } from '../errors.ts'
import type { Subscription, TopicPartition } from '../options/kafkaClient.ts'
import { kafkaFailure } from './kafkaFailure.ts'
import {
  type Batch,
  type BatchEvent,
  type CrashEvent,
  isHopeless,
  isUnknownTopic,
  type JoinEvent,
  type KafkaJs,
  type KafkaJsAdmin,
  type KafkaJsConsumer,
  type KafkaJsOptions,
} from './kafkaJsLibrary.ts'
import { retried } from './retried.ts'

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

/** Longest time in milliseconds to wait until a connection that is being made is there, and then until the group is left. */
const LEAVE_MS = 10_000

/** Receives what happens to a member. */
export interface MemberListener {
  /** Called with all partitions of this member, whenever they may have changed. */
  assigned(partitions: readonly TopicPartition[]): void
  /** Called when the consumer cannot continue. */
  failed(error: Error): void
  /** Called with messages. The consumer delivers them again if `resolveOffset` is not called. */
  delivered(batch: Batch, resolveOffset: (offset: string) => void): void
  /** Called when there are no messages up to an offset, for example because their transaction was aborted. */
  passedOver(partition: TopicPartition, last: bigint): void
}

/** A member of a consumer group through `kafkajs`, from its first connection until it has left. */
export class KafkaJsMember {
  readonly consumer: KafkaJsConsumer
  readonly admin: KafkaJsAdmin
  readonly #subscription: Subscription
  readonly #isConfluent: boolean
  readonly #closing = new AbortController()
  #listener: MemberListener | undefined
  #joining: Promise<void> = Promise.resolve()
  /** When the first of the consecutive crashes happened, by `performance.now()`. */
  #crashingSince: number | undefined
  #look: NodeJS.Timeout | undefined
  #assigned: readonly TopicPartition[] = []

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
    this.consumer = kafka.consumer(config) as KafkaJsConsumer
    this.admin = kafka.admin() as KafkaJsAdmin
  }

  /** Aborted by `close()`. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** @throws KafkaError when no broker can be reached within `retry_timeout_ms` */
  async join(listener: MemberListener): Promise<void> {
    this.#listener = listener
    this.#joining = this.#connectAndRun()
    try {
      await this.#joining
    } catch (cause) {
      const { group_id, topics } = this.#subscription
      const hint = isUnknownTopic(cause) ? ` to read all of the topics ${topics.join(', ')}` : ''
      throw kafkaFailure(`Group ${group_id} cannot be joined${hint}`, cause)
    }
    if (this.#isConfluent && !this.closing.aborted)
      this.#look = setInterval(() => this.#lookAtAssignment(), LOOK_MS)
  }

  /** Leaves the group. Never throws. */
  async close(): Promise<void> {
    this.#closing.abort(new KafkaError('ERR_CASSANDRA_KAFKA', 'The Kafka client was closed'))
    clearInterval(this.#look)
    // KafkaJS leaves a connection open that it is making while it is told to disconnect.
    const joined = this.#joining.catch(() => {})
    await Promise.race([joined, delay(LEAVE_MS, undefined, { ref: false })])
    await Promise.race([this.#disconnect(), delay(LEAVE_MS, undefined, { ref: false })])
    void joined.then(() => this.#disconnect())
  }

  async #connectAndRun(): Promise<void> {
    const { topics, retry_timeout_ms } = this.#subscription
    const options = this.#isConfluent ? {} : { fromBeginning: true }
    // Confluent's client connects only once, and retries by itself.
    const limit_ms = this.#isConfluent ? 0 : retry_timeout_ms
    await retried(
      limit_ms,
      this.closing,
      async () => {
        const connected = await Promise.allSettled([this.consumer.connect(), this.admin.connect()])
        for (const each of connected) if (each.status === 'rejected') throw each.reason
        await this.consumer.subscribe({ topics: [...topics], ...options })
      },
      isHopeless,
    )
    this.closing.throwIfAborted()
    if (!this.#isConfluent) this.#listen()
    await this.consumer.run({
      ...(!this.#isConfluent && { autoCommit: false }),
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: BATCHES_AT_ONCE,
      eachBatch: async ({ batch, resolveOffset, isStale }) => {
        if (!isStale()) this.#listener?.delivered(batch, resolveOffset)
      },
    })
  }

  #listen(): void {
    const { on } = this.consumer
    on?.('consumer.group_join', ({ payload }: JoinEvent) => {
      this.#crashingSince = undefined
      this.#listener?.assigned(
        Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
          partitions.map(partition => ({ topic, partition })),
        ),
      )
    })
    on?.('consumer.crash', (event: CrashEvent) => this.#crashed(event))
    on?.('consumer.start_batch_process', ({ payload }: BatchEvent) => {
      if (payload.batchSize === 0) this.#listener?.passedOver(payload, BigInt(payload.lastOffset))
    })
  }

  /** KafkaJS restarts its consumer as long as brokers cannot be reached, also after a disconnect. */
  #crashed({ payload: { error, restart } }: CrashEvent): void {
    if (this.closing.aborted) {
      setImmediate(() => void this.#disconnect())
      return
    }
    this.#listener?.assigned([])
    const { group_id, retry_timeout_ms } = this.#subscription
    this.#crashingSince ??= performance.now()
    const isLate = performance.now() - this.#crashingSince >= retry_timeout_ms
    if (!restart || isLate)
      this.#listener?.failed(kafkaFailure(`The consumer of group ${group_id} crashed`, error))
  }

  #lookAtAssignment(): void {
    const assigned = this.consumer.assignment?.() ?? []
    const before = new Set(this.#assigned.map(({ topic, partition }) => `${topic}/${partition}`))
    const isKnown = ({ topic, partition }: TopicPartition) => before.has(`${topic}/${partition}`)
    if (assigned.length === before.size && assigned.every(isKnown)) return
    this.#assigned = assigned.map(({ topic, partition }) => ({ topic, partition }))
    this.#listener?.assigned(this.#assigned)
  }

  async #disconnect(): Promise<void> {
    await Promise.allSettled([this.consumer.disconnect(), this.admin.disconnect()])
  }
}
