import { CheckpointError, RowError, WriteError } from '../errors.ts'
import type { TopicPartition } from '../options/kafkaClient.ts'
import type { MessagePlaces } from './messagePlaces.ts'

/** Adds to an error where its row came from: the message, or at least the partition. A row number alone would not help. */
export function located(error: Error, of: TopicPartition, places: MessagePlaces): Error {
  if (error instanceof RowError) return locatedRow(error, of, places.of(error.row_index)?.offset)
  const partitionText = `Partition ${of.topic}/${of.partition}`
  if (error instanceof CheckpointError) {
    const { code, location, counts, unacknowledged } = error
    const details = { cause: error, ...(location !== undefined && { location }) }
    const named = new CheckpointError(code, `${partitionText}: ${error.message}`, details)
    return Object.assign(named, { counts, unacknowledged })
  }
  if (!(error instanceof WriteError)) return error
  const { cause, counts, unacknowledged } = error
  const isOfRow = cause instanceof RowError
  const place = places.of(isOfRow ? cause.row_index : (unacknowledged?.[0]?.from ?? -1))
  const from = isOfRow ? 'at' : 'from'
  const where = place === undefined ? '' : `, ${from} offset ${place.offset}${isOfRow ? '' : ' on'}`
  const text = `${partitionText}${where}: ${error.message}`
  return Object.assign(new WriteError(error.code, text, { cause: error }), { counts, unacknowledged })
}

/** @param offset of the message; undefined if it is not known */
export function locatedRow(
  error: RowError,
  { topic, partition }: TopicPartition,
  offset: bigint | undefined,
): RowError {
  if (error.code === 'ERR_CASSANDRA_KAFKA_MESSAGE' || offset === undefined) return error
  const text = `Message at offset ${offset} of ${topic}/${partition}: ${error.message}`
  const { row_index, column, cql_type, expected, counts, unacknowledged } = error
  const details = {
    row_index,
    ...(column !== undefined && { column }),
    ...(cql_type !== undefined && { cql_type }),
    ...(expected !== undefined && { expected }),
  }
  return Object.assign(new RowError(error.code, text, details, { cause: error }), { counts, unacknowledged })
}
