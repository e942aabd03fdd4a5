import { setTimeout as delay } from 'node:timers/promises'
import { ConnectionError } from '../errors.ts'
import type { TableSettings } from '../options/settings.ts'
import { backoff } from './backoff.ts'
import { type Connection, connect } from './connect.ts'
import { explainConnectFailure } from './failure.ts'
import { isFinal } from './finalFailure.ts'

/** Milliseconds between two attempts to connect, at least. */
const LEAST_WAIT_MS = 100

/**
 * Connects and calls `use` with the connection. Repeats both until a host can be used or the time is over. Nothing stays open
 * after a failure.
 * @throws ConnectionError, and what `use` throws
 */
export async function openInTime<Opened>(
  settings: TableSettings,
  signal: AbortSignal,
  use: (connection: Connection) => Promise<Opened>,
): Promise<Opened> {
  const ends = performance.now() + settings.wait_for_server_ms
  for (let tries = 0; ; tries++) {
    try {
      return await open(settings, signal, use)
    } catch (error) {
      const left_ms = ends - performance.now()
      if (left_ms <= 0 || !mayCome(error)) throw error
      await delay(Math.min(left_ms, LEAST_WAIT_MS + backoff(tries)), undefined, { signal })
    }
  }
}

/** Whether a host that could not be used may still be starting. */
function mayCome(error: unknown): boolean {
  if (!(error instanceof ConnectionError) || isFinal(error)) return false
  return error.code === 'ERR_CASSANDRA_CONNECT' || error.code === 'ERR_CASSANDRA_CONNECT_TIMEOUT'
}

async function open<Opened>(
  settings: TableSettings,
  signal: AbortSignal,
  use: (connection: Connection) => Promise<Opened>,
): Promise<Opened> {
  const connection = await connect(settings, signal)
  const closeEarly = () => void connection.close()
  signal.addEventListener('abort', closeEarly)
  try {
    return await use(connection)
  } catch (error) {
    await connection.close()
    throw await explainConnectFailure(error, settings)
  } finally {
    signal.removeEventListener('abort', closeEarly)
  }
}
