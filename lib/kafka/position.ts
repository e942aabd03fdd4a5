import { CheckpointError, KafkaError } from '../errors.ts'
import { hasShape, isCount, isText, type Json } from '../json.ts'
import type { PartitionLog, TopicPartition } from '../options/kafkaClient.ts'

/** Where a partition goes on, as a checkpoint keeps it: JSON. */
export type Position = {
  /** The message that comes next, in decimal digits: JSON has no BigInt. */
  readonly offset: string
  /** Rows of that message that are written. */
  readonly rows: number
  /** Write time of the message before, of which the next ones depend; -1 for none. */
  readonly write_time: number
  /** As in {@link PartitionLog}; empty where a client has none. */
  readonly topic_id: string
}

const shape = {
  offset: (value: unknown) => isText(value) && /^(0|[1-9]\d{0,18})$/.test(value),
  rows: isCount,
  write_time: (value: unknown) => value === -1 || isCount(value),
  topic_id: isText,
}

/** @throws CheckpointError when it is that of another source */
export function positionFrom(json: Json, location: string, { topic, partition }: TopicPartition): Position {
  if (hasShape<Position>(shape, json)) return json
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_TARGET',
    `Checkpoint ${location} holds no offset of ${topic}/${partition}: another source wrote it. Use another \`checkpoint\``,
    { location },
  )
}

/**
 * Whether Kafka still has the messages that come next.
 * @throws KafkaError when some are gone, or the log is another one
 */
export function checkLog(position: Position, log: PartitionLog, { topic, partition }: TopicPartition): void {
  const offset = BigInt(position.offset)
  const details = { topic, partition, offset: position.offset }
  const { first, next, topic_id } = log
  if (topic_id !== undefined && position.topic_id !== '' && topic_id !== position.topic_id) {
    throw changed(`the topic was deleted and made again (its id was ${position.topic_id}, now ${topic_id})`)
  }
  if (offset > next) throw changed(`the log ends at offset ${next}`)
  if (offset >= first) return
  throw new KafkaError(
    'ERR_CASSANDRA_KAFKA_EXPIRED',
    `Partition ${topic}/${partition} cannot go on at offset ${offset}: its log begins at ${first}, so up to ` +
      `${first - offset} messages were deleted before they were written. Raise the retention of the topic. To go on without ` +
      'them, remove the checkpoint of the partition',
    details,
  )

  function changed(why: string): KafkaError {
    return new KafkaError(
      'ERR_CASSANDRA_KAFKA_LOG_CHANGED',
      `Partition ${topic}/${partition} cannot go on at offset ${offset}: ${why}. Its messages are not those that were ` +
        'written. To load them from the first one on, remove the checkpoint of the partition',
      details,
    )
  }
}
