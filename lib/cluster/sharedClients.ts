import { createHash } from 'node:crypto'
import type { Client } from 'cassandra-driver'
import { ConnectionError, OptionError } from '../errors.ts'
import type { ConnectionSettings } from '../options/settings.ts'
import { isPlain } from '../realm.ts'
import { driverOptions } from './driverOptions.ts'
import { explainConnectFailure } from './failure.ts'
import { copyOf } from './finalFailure.ts'
import { OwnClient } from './ownClient.ts'
import { warnOfPlainCredentials } from './plainCredentials.ts'
import { timeLimit } from './timeLimit.ts'
import { unlessAborted } from './unlessAborted.ts'

/** A client that several sinks use, from the first one's opening to the last one's end. */
interface Shared {
  users: number
  /** Aborted when nobody uses the client any more. */
  readonly left: AbortController
  readonly opened: Promise<OwnClient>
}

/** Clients in use, by a digest of their settings. */
const clients = new Map<string, Shared>()

/** `client_options` may hold functions and sockets, so two are equal only if they are one object. */
const identities = new WeakMap<object, number>()
let lastIdentity = 0

/** Levels of `client_options` that are compared by value. */
const MOST_DEPTH = 4

/** A share in a client. */
export interface Share {
  readonly client: Client
  /** Closes the client if this is the last share. Never throws. */
  release(): Promise<void>
}

/**
 * Joins the client with the same settings, or opens one. The signal ends the wait of this caller only.
 * @throws ConnectionError with a reason for each host, within `request_timeout_ms`; OptionError for a TLS file.
 */
export async function shareClient(settings: ConnectionSettings, signal: AbortSignal): Promise<Share> {
  const key = keyOf(settings)
  const shared = clients.get(key) ?? open(key, settings)
  shared.users++
  let released: Promise<void> | undefined
  const release = () => {
    released ??= leave(key, shared)
    return released
  }
  try {
    const { client } = await unlessAborted(shared.opened, signal)
    return { client, release }
  } catch (error) {
    await release()
    if (error instanceof ConnectionError) throw copyOf(error)
    throw error instanceof OptionError ? new OptionError(error.code, error.option, error.message) : error
  }
}

function open(key: string, settings: ConnectionSettings): Shared {
  const left = new AbortController()
  const shared: Shared = { users: 0, left, opened: openClient(settings, left.signal) }
  clients.set(key, shared)
  // A later caller tries again after a failure.
  shared.opened.catch(() => forget(key, shared))
  return shared
}

async function leave(key: string, shared: Shared): Promise<void> {
  if (--shared.users > 0) return
  // Removed before it closes, so that a new caller opens another.
  forget(key, shared)
  shared.left.abort()
  await shared.opened.then(
    opened => opened.close(),
    () => {},
  )
}

function forget(key: string, shared: Shared): void {
  if (clients.get(key) === shared) clients.delete(key)
}

/** Connects within `request_timeout_ms`. */
async function openClient(settings: ConnectionSettings, left: AbortSignal): Promise<OwnClient> {
  const done = new AbortController()
  const limit = timeLimit(settings, AbortSignal.any([done.signal, left]))
  let own: OwnClient | undefined
  try {
    // The limit includes the lookup of names, because a name server that is down answers late.
    own = new OwnClient(await Promise.race([driverOptions(settings), limit]), settings.request_timeout_ms)
    await Promise.race([own.connect(), limit])
    // The driver logs in to every node of the ring, not just to the contact points.
    warnOfPlainCredentials(settings, own.addresses())
    own.onAddress(address => warnOfPlainCredentials(settings, [address]))
    return own
  } catch (error) {
    await own?.close()
    throw await explainConnectFailure(error, settings)
  } finally {
    done.abort()
  }
}

/** A digest, because a map key must not hold the password. */
function keyOf(settings: ConnectionSettings): string {
  const { hosts, port, credentials, tls, local_datacenter, request_timeout_ms, client_options } = settings
  const checked = { hosts, port, credentials, tls, local_datacenter, request_timeout_ms } satisfies Record<
    keyof Omit<ConnectionSettings, 'client' | 'client_options' | 'usesTls'>,
    unknown
  >
  const given = client_options === undefined ? 0 : [identityOf(client_options), leavesOf(client_options)]
  return createHash('sha256')
    .update(JSON.stringify([checked, given]))
    .digest('base64')
}

/** The current values of the options: their owner may change them between two sinks. */
function leavesOf(value: unknown, depth = 0): unknown {
  if (typeof value === 'function') return identityOf(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const isRead = Array.isArray(value) || isPlain(value)
  if (!isRead || depth === MOST_DEPTH) return identityOf(value)
  return Object.entries(value).map(([name, part]) => [name, leavesOf(part, depth + 1)])
}

function identityOf(options: object): number {
  const known = identities.get(options)
  if (known !== undefined) return known
  identities.set(options, ++lastIdentity)
  return lastIdentity
}
