import { CheckpointError, KafkaError } from '../errors.ts'
import { hasShape, isCount, isText, type Json } from '../json.ts'
import type { PartitionLog, TopicPartition } from '../options/kafkaClient.ts'

/** Where reading of a partition continues, as JSON in its checkpoint. */
export type Position = {
  /** Offset of the next message, in decimal digits because JSON has no BigInt. */
  readonly offset: string
  /** How many rows of that message are already written. */
  readonly rows: number
  /** Write time of the message before, in microseconds since 1970. The next write time depends on it. -1 if there is none. */
  readonly write_time: number
  /** As in {@link PartitionLog}; empty if the client has none. */
  readonly topic_id: string
}

const shape = {
  offset: (value: unknown) => isText(value) && /^(0|[1-9]\d{0,18})$/.test(value),
  rows: isCount,
  write_time: (value: unknown) => value === -1 || isCount(value),
  topic_id: isText,
}

/** @throws CheckpointError when another source wrote the position */
export function positionFrom(json: Json, location: string, { topic, partition }: TopicPartition): Position {
  if (hasShape<Position>(shape, json)) return json
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_TARGET',
    `Checkpoint ${location} has no offset of ${topic}/${partition}, because another source wrote it. Use another \`checkpoint\``,
    { location },
  )
}

/** The position with the id of its topic, if a client knows it now. Clients without one leave the id as it is. */
export function withTopicId(position: Position, { topic_id = '' }: PartitionLog): Position {
  return position.topic_id === '' ? { ...position, topic_id } : position
}

/**
 * Checks that Kafka still has the next messages.
 * @throws KafkaError when some were deleted, or the log is no longer the one that was read
 */
export function checkLog(position: Position, log: PartitionLog, { topic, partition }: TopicPartition): void {
  const offset = BigInt(position.offset)
  const details = { topic, partition, offset: position.offset }
  const { first, next, topic_id } = log
  if (topic_id !== undefined && position.topic_id !== '' && topic_id !== position.topic_id) {
    throw changed(
      `the topic was deleted and created again (its id was ${position.topic_id}, now ${topic_id})`,
    )
  }
  if (offset > next) throw changed(`the log ends at offset ${next}`)
  if (offset >= first) return
  throw new KafkaError(
    'ERR_CASSANDRA_KAFKA_EXPIRED',
    `Partition ${topic}/${partition} cannot be read from offset ${offset}: its log begins at ${first}, so up to ` +
      `${first - offset} messages were deleted before they were written. Raise the retention of the topic. To continue ` +
      'without them, remove the checkpoint of the partition',
    details,
  )

  function changed(why: string): KafkaError {
    return new KafkaError(
      'ERR_CASSANDRA_KAFKA_LOG_CHANGED',
      `Partition ${topic}/${partition} cannot be read from offset ${offset}: ${why}. Its messages are no longer those that ` +
        'were written. To load them from the first one, remove the checkpoint of the partition',
      details,
    )
  }
}
