import { openInTime } from '../cluster/opening.ts'
import { channels, type OpenContext, traceEach } from '../diagnostics.ts'
import type { WriteSettings } from '../options/settings.ts'
import { openClock } from './coordinator.ts'
import { Dispatcher } from './dispatcher.ts'
import type { OnFailure } from './failureLatch.ts'
import type { Progress } from './progress.ts'
import { TableWriter } from './tableWriter.ts'
import type { Tally } from './tally.ts'
import { readWritableTable, type WritableTable } from './writableTable.ts'

/** A table, and a dispatcher that only this table uses. */
export interface OpenTable {
  readonly dispatcher: Dispatcher
  readonly table: WritableTable
}

/**
 * Connects and reads the schema.
 * @throws ConnectionError, SchemaError, OptionError, WriteError
 */
export function openTable(settings: WriteSettings, signal: AbortSignal): Promise<OpenTable> {
  const { keyspace, table, hosts, port } = settings
  return traceEach(
    channels.open,
    (): OpenContext => ({ keyspace, table, hosts, port }),
    () =>
      openInTime(settings, signal, async connection => {
        const { client } = connection
        const table = await readWritableTable(client, settings, signal)
        const { max_clock_skew_ms, request_timeout_ms } = settings
        const clock = await openClock(client, max_clock_skew_ms, request_timeout_ms, signal)
        signal.throwIfAborted()
        return { dispatcher: new Dispatcher(connection, clock, settings), table }
      }),
  )
}

/** Receives the counts, the progress and the failure of a sink. */
export interface SinkOwner {
  readonly tally: Tally
  readonly progress: Progress
  readonly onFailure: OnFailure
}

/** Opens a writer with its own dispatcher, like {@link openTable}. Writes nothing yet. */
export async function openWriter(
  settings: WriteSettings,
  { tally, progress, onFailure }: SinkOwner,
  signal: AbortSignal,
): Promise<TableWriter> {
  const { dispatcher, table } = await openTable(settings, signal)
  const release = () => dispatcher.close()
  const writer = new TableWriter(dispatcher, table, settings, tally, { onFailure, progress, release })
  progress.follow(writer)
  return writer
}
