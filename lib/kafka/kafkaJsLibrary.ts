import type { TopicPartition } from '../options/kafkaClient.ts'
import type { KafkaJsMessage, RawMessage } from './kafkaJsRecord.ts'

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

export interface Batch extends TopicPartition {
  readonly messages: readonly KafkaJsMessage[]
  /** All records that were fetched. KafkaJS sets it, but does not declare it in its types. */
  readonly rawMessages?: readonly RawMessage[]
  /** Offset at which the fetch of this batch began. KafkaJS sets it, but does not declare it in its types. */
  readonly fetchedOffset?: string
  /** Offset up to which the client has read, beyond the last message if that is followed by the end of its transaction. */
  lastOffset?(): string
}

export interface JoinEvent {
  readonly payload: { readonly memberAssignment: Readonly<Record<string, readonly number[]>> }
}

export interface CrashEvent {
  readonly payload: { readonly error: Error }
}

/** Options of a consumer's retries. */
export interface RetryOptions {
  /** Called when the consumer has crashed with an error that may pass. */
  restartOnFailure?(error: Error): Promise<boolean>
}

export interface BatchEvent {
  /** `firstOffset` is null for a batch whose offsets all lie before the one that was fetched. */
  readonly payload: TopicPartition & {
    readonly batchSize: number
    readonly firstOffset: string | null
    readonly lastOffset: string
  }
}

export interface KafkaJsConsumer {
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

export interface KafkaJsAdmin {
  connect(): Promise<void>
  disconnect(): Promise<void>
  fetchTopicOffsets(
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly high: string; readonly low: string }[]>
}

/** Whether another attempt cannot help. The errors say so, except that one which says that all retries failed. */
export function isHopeless(error: unknown): boolean {
  const { name, retriable, cause } = error as KafkaJsError
  if (name === 'KafkaJSNumberOfRetriesExceeded' || retriable !== false) return false
  return cause === undefined || !isRetriable(cause)
}

/** Whether a topic does not exist. The error does not say which one. */
export function isUnknownTopic(error: unknown): boolean {
  const { type, cause } = error as KafkaJsError
  return type === 'UNKNOWN_TOPIC_OR_PARTITION' || (cause !== undefined && isUnknownTopic(cause))
}

interface KafkaJsError extends Error {
  readonly retriable?: boolean
  /** Name of the protocol's error. */
  readonly type?: string
}

function isRetriable(error: unknown): boolean {
  const { retriable, cause } = error as KafkaJsError
  return cause === undefined ? retriable === true : isRetriable(cause)
}
