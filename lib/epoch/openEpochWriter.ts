import { openKept } from '../checkpoint/keeper.ts'
import { OptionError, SchemaError } from '../errors.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { StoredTable } from '../table/schema.ts'
import { type OpenTable, openTable, type SinkOwner } from '../write/openWriter.ts'
import { TableWriter } from '../write/tableWriter.ts'
import { EpochWriter } from './epochWriter.ts'
import { passHighWater, refuseAhead } from './highWater.ts'
import { SealedEpochs } from './sealedEpochs.ts'
import { warnOfTruncation } from './truncationWarning.ts'

/**
 * Connects, reads the schema and takes the checkpoint. Writes no rows.
 * @param hold called before the checkpoint is taken. The caller must then await this function, so that the checkpoint is released
 * @throws ConnectionError, SchemaError, OptionError, CheckpointError
 */
export async function openEpochWriter(
  settings: EpochSettings,
  owner: SinkOwner,
  signal: AbortSignal,
  hold: () => void,
): Promise<EpochWriter> {
  const opened = await openTable(settings, signal)
  const { dispatcher } = opened
  const release = () => dispatcher.close()
  try {
    return await openEpochWriterOn(opened, settings, { ...owner, release }, signal, hold)
  } catch (error) {
    await release()
    throw error
  }
}

/** Who is told about the rows of a writer, and releases its resources. */
export interface EpochOwner extends SinkOwner {
  /** Called when the writer is closed. Never throws. */
  readonly release: () => Promise<void>
}

/**
 * As {@link openEpochWriter}, on a connection that others may share. It stays open if this fails.
 * @throws SchemaError, OptionError, CheckpointError
 */
export async function openEpochWriterOn(
  { dispatcher, table: opened }: OpenTable,
  settings: EpochSettings,
  { tally, progress, onFailure, release }: EpochOwner,
  signal: AbortSignal,
  hold: () => void,
): Promise<EpochWriter> {
  const { client, clock } = dispatcher
  const { schema } = opened
  refuseWithoutGrace(schema)
  const { id: table_id, keyspace, name: table } = schema
  signal.throwIfAborted()
  hold()
  const name = { cluster: clock.name, keyspace, table, table_id }
  const checkpoint = await openKept(settings.checkpoint_location, name, {
    settings,
    takesOver: settings.take_over,
    // The dispatcher closes the client.
    connect: async () => ({ client, close: async () => {} }),
    check: ({ sealed, high_water }) => {
      // The list may have been added after the rows of a sealed epoch, which have none.
      if (sealed === undefined) refuseOwnTimestampsOfLists(settings, schema)
      refuseAhead(clock, high_water, settings)
    },
    signal,
  })
  try {
    await passHighWater(clock, checkpoint.state.high_water, signal)
    await warnOfTruncation(client, schema, checkpoint.state.committed, settings)
    const writer = new TableWriter(dispatcher, opened, settings, tally, {
      onFailure,
      release,
      unacknowledged: () => epochs.unacknowledged,
    })
    const sealed = new SealedEpochs(checkpoint, schema, clock)
    const epochs: EpochWriter = new EpochWriter(writer, sealed, schema, settings, progress)
    progress.follow(epochs)
    return epochs
  } catch (error) {
    await checkpoint.close().catch(() => {})
    throw error
  }
}

/** A replay of lists needs later timestamps than the attempt before it. Timestamps of the caller must not be changed. */
function refuseOwnTimestampsOfLists({ timestamp_column }: EpochSettings, schema: StoredTable): void {
  const list = schema.columns.find(({ type }) => type.kind === 'list' && !type.frozen)
  if (timestamp_column === undefined || list === undefined) return
  const why = `a replay with the same timestamp would double the list of column \`${list.name}\``
  const message = `Expected \`timestamp_column\` to be absent, because ${why}`
  throw new OptionError('ERR_CASSANDRA_OPTION', 'timestamp_column', message)
}

/** Without `gc_grace_seconds` every replay comes too late. */
function refuseWithoutGrace({ keyspace, name, gc_grace_seconds }: StoredTable): void {
  if (gc_grace_seconds > 0) return
  const why = 'a replay could bring back rows that were deleted in between'
  const message =
    `\`${keyspace}.${name}\` has a gc_grace_seconds of 0, so ${why}. Set it to at least the time that a restart may ` +
    'take'
  throw new SchemaError('ERR_CASSANDRA_TABLE_UNSUPPORTED', message)
}
