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
  /** Names and values in their order. A name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
  /** Milliseconds since 1970, by the producer or the broker as the topic says. */
  readonly timestamp: number
}

/** A message of a topic. */
export interface KafkaMessage extends KafkaRecord {
  /**
   * Microseconds since 1970 for `timestamp_column`: `timestamp`, or one microsecond after the write time of the message
   * before where that is in this millisecond, or up to a second ahead. So the offset breaks ties.
   */
  readonly write_time: number
}

/** Which messages of a partition Kafka has. */
export interface PartitionLog {
  /** Offset of the first message that is still there. */
  readonly first: bigint
  /** Offset behind the last message. */
  readonly next: bigint
  /** Identity of the topic: another one means that it was deleted and made again. Undefined where a client has none. */
  readonly topic_id?: string | undefined
}

/** Hears of the group. */
export interface GroupListener {
  /** Told which partitions this member has, all of them, whenever that may have changed. */
  assigned(partitions: readonly TopicPartition[]): void
  /** Told once that the client cannot go on. */
  failed(error: Error): void
}

/** What a sink needs of a Kafka client. */
export interface KafkaClient {
  /** Joins the group. Resolves when it has; the partitions come later. */
  join(listener: GroupListener): Promise<void>
  /** Tells which messages of a partition there are. Rejects by the signal at the latest. */
  log(partition: TopicPartition, signal: AbortSignal): Promise<PartitionLog>
  /**
   * Gives the messages of a partition from this offset on to `take`, some at a time, in the order of their offsets; the next
   * ones when the promise that `take` returns has resolved, or at once when it returns none. Messages of transactions that
   * were aborted are left out. Resolves after the signal.
   */
  read(
    from: TopicOffset,
    take: (records: readonly KafkaRecord[]) => undefined | Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
  /** Tells the group how far it is: for monitoring alone. */
  commit(offsets: readonly TopicOffset[]): Promise<void>
  /** Leaves the group, and closes every connection. */
  close(): Promise<void>
}

/** What a client has to subscribe to, and the limits that it keeps. */
export interface Subscription {
  /** Name of the consumer group. */
  readonly group_id: string
  /** Names of the topics. */
  readonly topics: readonly string[]
  /** Most bytes of messages that are fetched and not taken, as far as the client can tell. */
  readonly max_fetched_bytes: number
  /** Milliseconds for which brokers may be away before the client cannot go on. */
  readonly retry_timeout_ms: number
}

/** Makes a client for a subscription; it connects when it joins. */
export type ConnectKafka = (subscription: Subscription) => KafkaClient
