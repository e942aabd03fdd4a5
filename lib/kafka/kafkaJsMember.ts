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
  type RetryOptions,
} from './kafkaJsLibrary.ts'
import { withoutAborted } from './kafkaJsTransactions.ts'
import { retried } from './retried.ts'

/** Longest time in milliseconds that a broker waits for messages. A resumed partition waits at most that long for its fetch. */
const WAIT_MS = 200

/** Maximum number of bytes in one response: of one partition, and of all. */
const PARTITION_BYTES = 1_048_576
const RESPONSE_BYTES = 10_485_760

/** Milliseconds between two checks of the assignment, for Confluent's client, which has no event for it. */
const LOOK_MS = 100

/** Maximum number of batches that are handed over at the same time. */
const BATCHES_AT_ONCE = 16

/** Maximum number of messages in a batch of Confluent's client, which groups messages itself. */
const CONFLUENT_BATCH = 1_000

/** Number of retries within KafkaJS, which is its default for consumers. */
const RETRIES = 5

/** Milliseconds from a crash of the consumer until it is replaced. */
const RESTART_MS = 300

/** Longest time in milliseconds to wait until a join has ended and the group is left. After that, it is left in the background. */
const LEAVE_MS = 10_000

/** Receives what happens to a member. */
export interface MemberListener {
  /** Called with all partitions of this member, whenever they may have changed. */
  assigned(partitions: readonly TopicPartition[]): void
  /** Called when the consumer cannot continue. */
  failed(error: Error): void
  /** Called with messages. The consumer delivers them again if `resolveOffset` is not called. */
  delivered(batch: Batch, resolveOffset: (offset: string) => void): void
  /** Called when offsets that were read have no messages, for example because their transaction was aborted. */
  passedOver(partition: TopicPartition, first: bigint, last: bigint): void
}

/** A member of a consumer group through `kafkajs`, from its first connection until it has left. */
export class KafkaJsMember {
  readonly admin: KafkaJsAdmin
  readonly #kafka: KafkaJs
  readonly #config: object
  readonly #subscription: Subscription
  readonly #isConfluent: boolean
  readonly #closing = new AbortController()
  #listener: MemberListener | undefined
  #consumer: KafkaJsConsumer
  /** The last join and those before it. */
  #joining: Promise<void> = Promise.resolve()
  /** Whether another consumer may succeed after the current crash. */
  #mayRestart = false
  /** When the first of the consecutive crashes happened, by `performance.now()`. */
  #crashingSince: number | undefined
  #look: NodeJS.Timeout | undefined
  #assigned: readonly TopicPartition[] = []

  constructor(kafka: KafkaJs, { library, consumer_options }: KafkaJsOptions, subscription: Subscription) {
    const { group_id: groupId, max_fetched_bytes: most } = subscription
    this.#kafka = library === 'confluent' ? kafka : withoutAborted(kafka)
    this.#subscription = subscription
    this.#isConfluent = library === 'confluent'
    const maxBytesPerPartition = Math.min(PARTITION_BYTES, most)
    const maxBytes = Math.min(RESPONSE_BYTES, most)
    const common = {
      groupId,
      maxBytesPerPartition,
      maxBytes,
      ...consumer_options,
      // The default would create a topic whose name is misspelt, and one again that was deleted.
      allowAutoTopicCreation: false,
    }
    this.#config = this.#isConfluent
      ? {
          kafkaJS: { ...common, autoCommit: false },
          'auto.offset.reset': 'error',
          'js.consumer.max.batch.size': CONFLUENT_BATCH,
        }
      : { maxWaitTimeInMs: WAIT_MS, ...common, retry: this.#retry(consumer_options) }
    this.#consumer = this.#newConsumer()
    this.admin = kafka.admin() as KafkaJsAdmin
  }

  get consumer(): KafkaJsConsumer {
    return this.#consumer
  }

  /** Aborted by `close()`. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** @throws KafkaError when no broker can be reached within `retry_timeout_ms` */
  async join(listener: MemberListener): Promise<void> {
    this.#listener = listener
    this.#joining = this.#connectAndRun(this.#subscription.retry_timeout_ms)
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
    // It also forgets a consumer that is joining its group, so that is disconnected only when it has joined.
    const left = this.#joining.catch(() => {}).then(() => this.#disconnect())
    await Promise.race([left, delay(LEAVE_MS, undefined, { ref: false })])
  }

  #newConsumer(): KafkaJsConsumer {
    return this.#kafka.consumer(this.#config) as KafkaJsConsumer
  }

  /**
   * Keeps KafkaJS from restarting a crashed consumer itself. It forgets a consumer that is told to disconnect while it restarts,
   * and that consumer then stays in the group.
   */
  #retry(consumer_options: KafkaJsOptions['consumer_options']): object {
    const given = consumer_options?.['retry'] as RetryOptions | undefined
    return {
      retries: RETRIES,
      ...given,
      restartOnFailure: async (error: Error) => {
        const asked = Promise.resolve().then(() => given?.restartOnFailure?.(error))
        // Like KafkaJS, which restarts if the function fails.
        this.#mayRestart = (await asked.catch(() => true)) ?? true
        return false
      },
    }
  }

  async #connectAndRun(timeout_ms: number): Promise<void> {
    const { topics } = this.#subscription
    const consumer = this.#consumer
    const options = this.#isConfluent ? {} : { fromBeginning: true }
    // Confluent's client connects only once, and retries by itself.
    const limit_ms = this.#isConfluent ? 0 : timeout_ms
    await retried(
      limit_ms,
      this.closing,
      async () => {
        const connected = await Promise.allSettled([consumer.connect(), this.admin.connect()])
        for (const each of connected) if (each.status === 'rejected') throw each.reason
        await consumer.subscribe({ topics: [...topics], ...options })
      },
      isHopeless,
    )
    this.closing.throwIfAborted()
    if (!this.#isConfluent) this.#listen(consumer)
    await consumer.run({
      ...(!this.#isConfluent && { autoCommit: false }),
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: BATCHES_AT_ONCE,
      eachBatch: async ({ batch, resolveOffset, isStale }) => {
        if (!isStale()) this.#listener?.delivered(batch, resolveOffset)
      },
    })
  }

  #listen({ on }: KafkaJsConsumer): void {
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
      const { batchSize, firstOffset, lastOffset } = payload
      if (batchSize === 0)
        this.#listener?.passedOver(payload, BigInt(firstOffset ?? lastOffset), BigInt(lastOffset))
    })
  }

  #crashed({ payload: { error } }: CrashEvent): void {
    if (this.closing.aborted) return
    this.#listener?.assigned([])
    this.#crashingSince ??= performance.now()
    const left_ms = this.#crashingSince + this.#subscription.retry_timeout_ms - performance.now()
    if (!this.#mayRestart || left_ms <= 0) {
      this.#fail(error)
      return
    }
    this.#mayRestart = false
    const before = this.#joining.catch(() => {})
    this.#joining = before.then(() => this.#replace(left_ms))
    this.#joining.catch(cause => this.#fail(cause))
  }

  /** Joins with a new consumer. */
  async #replace(timeout_ms: number): Promise<void> {
    await delay(RESTART_MS, undefined, { signal: this.closing })
    await this.#consumer.disconnect().catch(() => {})
    this.closing.throwIfAborted()
    this.#consumer = this.#newConsumer()
    await this.#connectAndRun(timeout_ms)
  }

  #fail(cause: unknown): void {
    if (this.closing.aborted) return
    this.#listener?.failed(
      kafkaFailure(`The consumer of group ${this.#subscription.group_id} crashed`, cause),
    )
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
    await Promise.allSettled([this.#consumer.disconnect(), this.admin.disconnect()])
  }
}
