import type { Client } from 'cassandra-driver'
import type { ConnectionSettings } from '../options/settings.ts'
import { explainConnectFailure } from './failure.ts'
import { finalFailure } from './finalFailure.ts'
import { shareClient } from './sharedClients.ts'
import { timeLimit } from './timeLimit.ts'

/** A connected driver client, and how to release it. */
export interface Connection {
  readonly client: Client
  /** Releases the client. A client that was opened here is shut down by the last sink that uses it. Never throws. */
  close(): Promise<void>
}

/**
 * Borrows the given client, or opens one for all sinks with the same settings.
 * @throws ConnectionError with a reason for each host, within `request_timeout_ms`; OptionError for a TLS file.
 */
export async function connect(settings: ConnectionSettings, signal: AbortSignal): Promise<Connection> {
  const { client } = settings
  if (client === undefined) {
    const { client, release } = await shareClient(settings, signal)
    return { client, close: release }
  }
  // Not in the driver's types. Without this check, reading would fail as if every host were down.
  if ((client as { readonly isShuttingDown?: boolean }).isShuttingDown === true) {
    throw finalFailure('The `client` was shut down')
  }
  const done = new AbortController()
  try {
    await Promise.race([client.connect(), timeLimit(settings, AbortSignal.any([done.signal, signal]))])
    return { client, close: async () => {} }
  } catch (error) {
    throw await explainConnectFailure(error, settings)
  } finally {
    done.abort()
  }
}
