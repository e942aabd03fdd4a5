import type { EpochWriter } from '../epoch/epochWriter.ts'
import { openEpochWriterOn } from '../epoch/openEpochWriter.ts'
import { CheckpointError } from '../errors.ts'
import { type CheckpointPlace, placeText } from '../options/checkpointPlace.ts'
import type { KafkaClient, PartitionLog, TopicPartition } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'
import type { EpochSettings, WriteSettings } from '../options/settings.ts'
import type { Dispatcher } from '../write/dispatcher.ts'
import { Progress } from '../write/progress.ts'
import { Tally } from '../write/tally.ts'
import { readWritableTable } from '../write/writableTable.ts'
import type { CollectedBytes } from './collectedBytes.ts'
import type { GroupCommits } from './groupCommits.ts'
import type { KafkaTally } from './kafkaStats.ts'
import { MessagePlaces } from './messagePlaces.ts'
import { type MessageRows, withoutOwnOperation } from './messageRows.ts'
import { partitionCheckpoint } from './partitionCheckpoint.ts'
import { PartitionWriter } from './partitionWriter.ts'
import { checkLog, type Position, positionFrom } from './position.ts'
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
 * @throws SchemaError, OptionError, CheckpointError, KafkaError
 */
export async function openPartition(
  of: TopicPartition,
  parts: SinkParts,
  signal: AbortSignal,
  onFailure: (error: Error) => void,
): Promise<PartitionWriter> {
  const { settings, write, client, dispatcher, rows, bytes, commits, tally: all } = parts
  const place = await partitionCheckpoint(settings, of)
  const location = placeText(place)
  const places = new MessagePlaces(settings.on_bad_row !== undefined)
  const epochs = epochSettings(settings, write, place, places)
  const tally = new Tally()
  const progress = new Progress(
    epochs,
    () => false,
    () => {},
  )
  const table = await readWritableTable(dispatcher.client, write, signal)
  all.join(tally)
  const release = async () => all.leave(tally)
  const owner = { tally, progress, onFailure, release }
  const writer = await openEpochWriterOn({ dispatcher, table }, epochs, owner, signal, () => {}).catch(
    (error: Error) => {
      all.leave(tally)
      throw error
    },
  )
  try {
    const known = knownPosition(writer, location, of)
    const log = await client.log(of, signal)
    const from = known ?? (await startOf(settings, of, log))
    checkLog(from, log, of)
    const onCommit = () => {
      all.epochs++
      const position = writer.committed?.position
      if (position !== undefined && position !== null)
        commits.passed(of, BigInt(positionFrom(position, location, of).offset))
    }
    const own = { writer, settings: epochs, progress, places, rows, bytes, onCommit, onFailure }
    const partition = new PartitionWriter(of, from, own)
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
): Promise<Position> {
  const given = typeof start === 'function' ? await start(of) : start === 'earliest' ? first : next
  if (typeof given !== 'bigint' && !Number.isSafeInteger(given)) {
    const message = `Expected \`start\` to give the offset of ${of.topic}/${of.partition} as a whole number, got ${given}`
    throw new CheckpointError('ERR_CASSANDRA_POSITION', message)
  }
  return { offset: String(given), rows: 0, write_time: -1, topic_id }
}

function epochSettings(
  { on_bad_row, rows_per_epoch, epoch_interval_ms }: KafkaSettings,
  write: WriteSettings,
  checkpoint_location: CheckpointPlace,
  places: MessagePlaces,
): EpochSettings {
  return {
    ...write,
    rows_per_epoch,
    epoch_interval_ms,
    checkpoint_location,
    // The group decides who owns the partition, so the checkpoint is always taken over.
    take_over: true,
    on_bad_row:
      on_bad_row === undefined
        ? undefined
        : (error, row) => {
            const message = places.of(error.row_index)?.message
            if (message === undefined) throw error
            return on_bad_row(error, message, withoutOwnOperation(row) as never)
          },
  }
}
