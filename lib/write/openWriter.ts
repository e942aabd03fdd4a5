import { setTimeout as delay } from 'node:timers/promises'
import { backoff } from '../cluster/backoff.ts'
import { connect } from '../cluster/connect.ts'
import { explainConnectFailure } from '../cluster/failure.ts'
import { channels, type OpenContext, traceEach } from '../diagnostics.ts'
import { ConnectionError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { openClock } from './coordinator.ts'
import { Dispatcher } from './dispatcher.ts'
import type { OnFailure } from './failureLatch.ts'
import type { Progress } from './progress.ts'
import { TableWriter } from './tableWriter.ts'
import type { Tally } from './tally.ts'
import { readWritableTable, type WritableTable } from './writableTable.ts'

/** A table, and a way to it that nobody else uses. */
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
    () => openInTime(settings, signal),
  )
}

/** As {@link open}, as often as it takes until a host can be used, or the time for that is over. */
async function openInTime(settings: WriteSettings, signal: AbortSignal): Promise<OpenTable> {
  const ends = performance.now() + settings.wait_for_server_ms
  for (let tries = 0; ; tries++) {
    try {
      return await open(settings, signal)
    } catch (error) {
      const left_ms = ends - performance.now()
      if (left_ms <= 0 || !mayCome(error)) throw error
      await delay(Math.min(left_ms, LEAST_WAIT_MS + backoff(tries)), undefined, { signal })
    }
  }
}

/** Whether a host that could not be used may be one that is still starting. */
function mayCome(error: unknown): boolean {
  if (!(error instanceof ConnectionError) || error.hosts.length === 0) return false
  return error.code === 'ERR_CASSANDRA_CONNECT' || error.code === 'ERR_CASSANDRA_CONNECT_TIMEOUT'
}

/** Shortest time in milliseconds between two tries to connect. */
const LEAST_WAIT_MS = 100

async function open(settings: WriteSettings, signal: AbortSignal): Promise<OpenTable> {
  const connection = await connect(settings, signal)
  const closeEarly = () => void connection.close()
  signal.addEventListener('abort', closeEarly)
  try {
    const { client } = connection
    const table = await readWritableTable(client, settings, signal)
    const { max_clock_skew_ms, request_timeout_ms } = settings
    const clock = await openClock(client, max_clock_skew_ms, request_timeout_ms, signal)
    signal.throwIfAborted()
    return { dispatcher: new Dispatcher(connection, clock, settings), table }
  } catch (error) {
    await connection.close()
    throw await explainConnectFailure(error, settings)
  } finally {
    signal.removeEventListener('abort', closeEarly)
  }
}

/** Who hears of the rows of a sink. */
export interface SinkOwner {
  readonly tally: Tally
  readonly progress: Progress
  readonly onFailure: OnFailure
}

/** Opens a writer with a dispatcher of its own, as {@link openTable} does; nothing is written yet. */
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
