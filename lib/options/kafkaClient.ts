/** A partition of a topic. */
export interface TopicPartition {
  /** Name of the topic. */
  readonly topic: string
  /** Number of the partition, from 0. */
  readonly partition: number
}

/** A partition with an offset in it. */
export interface TopicOffset extends TopicPartition {
  /** Place of a message in the partition. */
  readonly offset: bigint
}

/** A message as a client gives it. */
export interface KafkaRecord extends TopicOffset {
  /** Bytes of the key; null without one. */
  readonly key: Buffer | null
  /** Bytes of the value; null is a tombstone. */
  readonly value: Buffer | null
  /** Names and values, in order. A name may occur more than once. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
  /** Milliseconds since 1970. The producer sets it, or the broker if the topic is configured so. */
  readonly timestamp: number
}

/** A message of a topic. */
export interface KafkaMessage extends KafkaRecord {
  /**
   * Write time for `timestamp_column`, in microseconds since 1970. It is `timestamp` in microseconds. Exception: if the
   * previous write time is equal, or later by less than a second, it is the previous write time plus one. So messages with the
   * same timestamp keep the order of their offsets.
   */
  readonly write_time: number
}

/** The range of messages that Kafka has of a partition. */
export interface PartitionLog {
  /** Offset of the first message that still exists. */
  readonly first: bigint
  /** Offset after the last message. */
  readonly next: bigint
  /** Id of the topic. It changes when the topic is deleted and created again. Undefined if the client has none. */
  readonly topic_id?: string | undefined
}

/**
 * Takes messages.
 * @param next offset up to which the client has read. It is beyond the last message if the offsets between have none, such as
 * those of aborted transactions; there may be no message at all. Undefined if the client does not know it
 */
export type TakeRecords = (records: readonly KafkaRecord[], next?: bigint) => undefined | Promise<void>

/** Receives events of a consumer group. */
export interface GroupListener {
  /** Called with all partitions of this member, whenever they may have changed. */
  assigned(partitions: readonly TopicPartition[]): void
  /** Called once, when the client cannot continue. */
  failed(error: Error): void
}

/** What a sink needs of a Kafka client. */
export interface KafkaClient {
  /** Joins the group. Resolves when this process is a member. `listener.assigned` is called later. */
  join(listener: GroupListener): Promise<void>
  /** Gives the range of messages of a partition. Rejects when the signal is aborted. */
  log(partition: TopicPartition, signal: AbortSignal): Promise<PartitionLog>
  /**
   * Passes the messages of a partition to `take`, some at a time, from this offset on and in the order of offsets. If `take`
   * returns a promise, the next messages follow after it resolves. Leaves out messages of aborted transactions. Resolves when
   * the signal is aborted.
   */
  read(from: TopicOffset, take: TakeRecords, signal: AbortSignal): Promise<void>
  /** Commits offsets to the group. They serve monitoring only. */
  commit(offsets: readonly TopicOffset[]): Promise<void>
  /** Leaves the group, and closes every connection. */
  close(): Promise<void>
}

/** What a client subscribes to, and its limits. */
export interface Subscription {
  /** Name of the consumer group. */
  readonly group_id: string
  /** Names of the topics. */
  readonly topics: readonly string[]
  /** Maximum number of bytes of messages that are fetched and not yet taken, if the client can limit them. */
  readonly max_fetched_bytes: number
  /** Milliseconds for which brokers may be unreachable before the client fails. */
  readonly retry_timeout_ms: number
}

/** Creates a client for a subscription. The client connects when it joins. */
export type ConnectKafka = (subscription: Subscription) => KafkaClient
