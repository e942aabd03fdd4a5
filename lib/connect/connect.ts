import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import type { ConnectionSettings } from '../options/settings.ts'
import { driverOptions } from './driverOptions.ts'
import { connectTimeout, explainConnectFailure } from './failure.ts'

/** A connected driver client, and how to give it back. */
export interface Connection {
  readonly client: Client
  /** Shuts the client down if it was opened here. Never throws. */
  close(): Promise<void>
}

/**
 * Borrows the given client or opens one.
 * @throws ConnectionError with a reason for each host, within `request_timeout_ms`; OptionError for a TLS file.
 */
export async function connect(settings: ConnectionSettings, signal: AbortSignal): Promise<Connection> {
  let client = settings.client
  const close = async () => {
    if (settings.client === undefined) await client?.shutdown().catch(() => {})
  }
  let connecting: Promise<void> | undefined
  const done = new AbortController()
  const limit = timeLimit(settings, AbortSignal.any([done.signal, signal]))
  try {
    // Names are looked up within the limit as well: a name server that is away takes its time.
    client ??= new Client(await Promise.race([driverOptions(settings), limit]))
    connecting = client.connect()
    await Promise.race([connecting, limit])
    return { client, close }
  } catch (error) {
    // The driver does nothing on shutdown() while it connects, and would keep what it opens afterwards.
    connecting?.then(close, () => {})
    await close()
    throw await explainConnectFailure(error, settings)
  } finally {
    done.abort()
  }
}

/** Rejects when the time for connecting is over or the signal comes. */
function timeLimit(settings: ConnectionSettings, signal: AbortSignal): Promise<never> {
  const limit = delay(settings.request_timeout_ms, undefined, { signal }).then(() => {
    throw connectTimeout(settings)
  })
  limit.catch(() => {})
  return limit
}
