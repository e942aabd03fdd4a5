import { wordsOf } from '../cluster/failure.ts'
import { unlessAborted } from '../cluster/unlessAborted.ts'
import type { EpochWriter } from '../epoch/epochWriter.ts'
import { openEpochWriterOn } from '../epoch/openEpochWriter.ts'
import { CassandraStreamsError, CheckpointError, type RowError, WriteError } from '../errors.ts'
import { type CheckpointPlace, placeText } from '../options/checkpointPlace.ts'
import type { KafkaClient, KafkaMessage, PartitionLog, TopicPartition } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'
import type { EpochSettings, WriteSettings } from '../options/settings.ts'
import type { Dispatcher } from '../write/dispatcher.ts'
import { undescribed } from '../write/failure.ts'
import { Progress } from '../write/progress.ts'
import { Tally } from '../write/tally.ts'
import { readWritableTable } from '../write/writableTable.ts'
import type { CollectedBytes } from './collectedBytes.ts'
import type { GroupCommits } from './groupCommits.ts'
import { HandlerCalls } from './handlerCalls.ts'
import type { KafkaTally } from './kafkaStats.ts'
import { located, locatedRow } from './located.ts'
import { MessagePlaces } from './messagePlaces.ts'
import { type MessageRows, withoutOwnOperation } from './messageRows.ts'
import { partitionCheckpoint } from './partitionCheckpoint.ts'
import { PartitionWriter } from './partitionWriter.ts'
import { checkLog, type Position, positionFrom, withTopicId } from './position.ts'
import { retried } from './retried.ts'
import type { Turns } from './turns.ts'

/** What all partitions of a sink share. */
export interface SinkParts {
  readonly settings: KafkaSettings
  /** The settings that the dispatcher was opened with. */
  readonly write: WriteSettings
  readonly client: KafkaClient
  readonly dispatcher: Dispatcher
  readonly rows: MessageRows
  readonly bytes: CollectedBytes
  readonly commits: GroupCommits
  readonly tally: KafkaTally
  /** Limits how many partitions are opened at the same time. */
  readonly openings: Turns
  /** Called when a partition cannot be written. The sink then ends. */
  readonly onFailure: (error: Error) => void
}

/**
 * Takes over the checkpoint of a partition, and finds the offset at which reading continues.
 * @param finishing interrupts what may take long: the looks at the table and for offsets, and the option `start`
 * @throws SchemaError, OptionError, CheckpointError, KafkaError
 */
export async function openPartition(
  of: TopicPartition,
  parts: SinkParts,
  signal: AbortSignal,
  finishing: AbortSignal,
  onFailure: (error: Error) => void,
): Promise<PartitionWriter> {
  const { settings, write, client, dispatcher, rows, bytes, commits, tally: all } = parts
  const place = await partitionCheckpoint(settings, of)
  const location = placeText(place)
  const places = new MessagePlaces(settings.on_bad_row !== undefined)
  const calls = new HandlerCalls()
  const epochs = epochSettings(settings, write, place, places, calls)
  const tally = new Tally()
  const progress = new Progress(
    epochs,
    () => false,
    () => {},
  )
  const table = await tableOf(of, parts, AbortSignal.any([signal, finishing]))
  all.join(tally)
  const release = async () => all.leave(tally)
  const failed = (error: Error) => onFailure(located(error, of, places))
  const owner = { tally, progress, onFailure: failed, release }
  const writer = await openEpochWriterOn({ dispatcher, table }, epochs, owner, signal, () => {}).catch(
    (error: Error) => {
      all.leave(tally)
      throw error
    },
  )
  try {
    const known = knownPosition(writer, location, of)
    const either = AbortSignal.any([signal, finishing])
    const log = await unlessAborted(client.log(of, either), either)
    const from = known ?? (await startOf(settings, of, log, either))
    checkLog(from, log, of)
    const onCommit = () => {
      all.epochs++
      // Another process may have the partition.
      if (signal.aborted) return
      const position = writer.committed?.position
      if (position !== undefined && position !== null)
        commits.passed(of, BigInt(positionFrom(position, location, of).offset))
    }
    const own = {
      writer,
      settings: epochs,
      progress,
      places,
      rows,
      bytes,
      calls,
      onCommit,
      onFailure: failed,
    }
    const partition = new PartitionWriter(withTopicId(from, log), own)
    // Records the start now: later the log may begin or end at another offset.
    if (known === undefined) await partition.begin()
    // The previous owner may not have committed this offset to the group.
    else if (!signal.aborted) commits.passed(of, BigInt(known.offset))
    return partition
  } catch (error) {
    await writer.close()
    throw error
  }
}

/**
 * Reads the schema. Cassandra may be away for a while, and the partitions that are written continue when it is back.
 * @throws SchemaError, OptionError; WriteError if no node answers in time
 */
async function tableOf(
  { topic, partition }: TopicPartition,
  { dispatcher, write }: SinkParts,
  signal: AbortSignal,
): ReturnType<typeof readWritableTable> {
  const { request_timeout_ms, retry_timeout_ms } = write
  const isOurs = (error: unknown) => error instanceof CassandraStreamsError
  const read = () => readWritableTable(dispatcher.client, write, signal)
  return await retried(retry_timeout_ms, signal, read, isOurs).catch((error: Error) => {
    signal.throwIfAborted()
    if (isOurs(error)) throw error
    const { code, message } = undescribed(error, Math.max(request_timeout_ms, retry_timeout_ms))
    throw new WriteError(code, `Partition ${topic}/${partition}: ${message}`, { cause: error })
  })
}

/**
 * The position in a checkpoint; undefined for a new checkpoint. The first epoch of a checkpoint has no rows. It records where the
 * partition begins.
 */
function knownPosition(writer: EpochWriter, location: string, of: TopicPartition): Position | undefined {
  const { committed, sealed } = writer
  if (committed !== null) return positionFrom(committed.position, location, of)
  if (sealed === undefined) return undefined
  return positionFrom(sealed.rows === 0 ? sealed.position : null, location, of)
}

async function startOf(
  { start }: KafkaSettings,
  of: TopicPartition,
  { first, next, topic_id = '' }: PartitionLog,
  signal: AbortSignal,
): Promise<Position> {
  const at = (offset: bigint) => ({ offset: String(offset), rows: 0, write_time: -1, topic_id })
  if (start === 'earliest') return at(first)
  if (start === 'latest') return at(next)
  const place = `${of.topic}/${of.partition}`
  const asked = new Promise(resolve => resolve(start(of)))
  const given = await unlessAborted(asked, signal).catch((cause: unknown) => {
    signal.throwIfAborted()
    const message = `\`start\` failed for ${place}: ${wordsOf(cause)}`
    throw new CheckpointError('ERR_CASSANDRA_POSITION', message, { cause })
  })
  const isWhole = typeof given === 'bigint' || (typeof given === 'number' && Number.isSafeInteger(given))
  if (isWhole && given >= first && given <= next) return at(BigInt(given))
  const message = `Expected \`start\` to return an offset of ${place}, from ${first} to ${next}, got ${given}`
  throw new CheckpointError('ERR_CASSANDRA_POSITION', message)
}

/** Gives a bad row to `on_bad_row`. The error that it gets, and the one that the sink ends with if it fails, name the message. */
async function tell(
  on_bad_row: NonNullable<KafkaSettings['on_bad_row']>,
  error: RowError,
  message: KafkaMessage,
  row: object,
): Promise<void> {
  const given = locatedRow(error, message, message.offset)
  try {
    await on_bad_row(given, message, withoutOwnOperation(row) as never)
  } catch (cause) {
    if (cause === given) throw error
    const { topic, partition, offset } = message
    throw new Error(`message at offset ${offset} of ${topic}/${partition}: ${wordsOf(cause)}`, { cause })
  }
}

function epochSettings(
  { on_bad_row, rows_per_epoch, epoch_interval_ms }: KafkaSettings,
  write: WriteSettings,
  checkpoint_location: CheckpointPlace,
  places: MessagePlaces,
  calls: HandlerCalls,
): EpochSettings {
  return {
    ...write,
    rows_per_epoch,
    epoch_interval_ms,
    checkpoint_location,
    in_epochs: true,
    // The group decides who owns the partition, so the checkpoint is always taken over.
    take_over: true,
    on_bad_row:
      on_bad_row === undefined
        ? undefined
        : (error, row) => {
            const message = places.of(error.row_index)?.message
            if (message === undefined) throw error
            return calls.during(tell(on_bad_row, error, message, row))
          },
  }
}
