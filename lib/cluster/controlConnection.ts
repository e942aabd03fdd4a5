import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { errors, type Host, type HostMap } from 'cassandra-driver'
import type { DriverConnection } from './driverConnections.ts'

/** The used parts of a host that the driver's types lack. */
export interface ControlledHost extends Host {
  readonly pool: {
    readonly connections: readonly DriverConnection[]
    /** 0 for a host in another datacenter. */
    readonly coreConnectionsLength: number
    _createConnection(): DriverConnection
  }
  datacenter: string
  setDown(): void
  shutdown(waitForPending: boolean): Promise<void>
  removeFromPool(connection: DriverConnection): void
}

/** The used parts of the driver's control connection, which its types lack. */
export interface ControlConnection extends EventEmitter {
  readonly options: {
    readonly contactPoints?: readonly string[]
    readonly sni?: unknown
    readonly policies: { readonly reconnection: { newSchedule(): Iterator<number> } }
  }
  readonly hosts: HostMap
  readonly metadata: unknown
  protocolVersion: number
  connection: DriverConnection | null
  host: ControlledHost | null
  _encoder: unknown
  _triedHosts: Record<string, unknown>
  readonly _contactPoints: Set<string>
  /** Collects cluster events for a second or so. */
  readonly _debouncer?: { shutdown?(): void }
  readonly _resolvedContactPoints: Map<string, unknown>
  readonly _profileManager: {
    getDefaultLoadBalancing(): {
      newQueryPlan(
        keyspace: null,
        options: null,
        done: (error: Error | null, hosts: Iterator<Host>) => void,
      ): void
    }
    getDistance(host: Host): number
  }
  _createConnection(contactPoint: string): Promise<DriverConnection>
  _borrowFirstConnection(contactPoints: Iterator<string>): Promise<void>
  _borrowAConnection(hosts: Iterator<Host>): DriverConnection
  _parseContactPoint(name: string): Promise<void>
  _refresh(): Promise<void>
  _refreshHosts(initializing: boolean, isReconnecting: boolean): Promise<void>
  _registerToConnectionEvents(): Promise<void>
  _setHealthListeners(host: ControlledHost, connection: DriverConnection): void
  /** Creates a host. This is the only way without the class of hosts, which is not exported. */
  _setLocalInfo(
    initializing: true,
    setCurrent: false,
    from: { endpoint: string },
    found: { rows: object[] },
  ): void
}

/** Milliseconds after which the next contact point is dialled while earlier ones have not answered. */
const HEAD_START_MS = 1_000

/** Milliseconds between two searches when the user's reconnection policy names no wait. */
const LONGEST_WAIT_MS = 5_000

/** Whether this version of the driver has everything that is used and replaced here. */
export function isKnown(control: Partial<ControlConnection>): control is ControlConnection {
  const methods = [
    '_createConnection',
    '_borrowFirstConnection',
    '_borrowAConnection',
    '_parseContactPoint',
    '_refresh',
    '_refreshHosts',
    '_registerToConnectionEvents',
    '_setHealthListeners',
    '_setLocalInfo',
  ] as const
  return methods.every(name => typeof control[name] === 'function') && control._contactPoints instanceof Set
}

/** Creates a connection without opening it. Only the pool of a host can do that. */
export function connectionTo(contactPoint: string, control: ControlConnection): DriverConnection {
  const made: ControlledHost[] = []
  const apart: ControlConnection = Object.create(control, {
    hosts: { value: { set: (_: string, host: ControlledHost) => made.push(host) } },
    metadata: { value: { setPartitioner: () => {} } },
    // The protocol version must still be negotiated.
    protocolVersion: { value: null },
  })
  // With a cloud bundle the endpoint is the id of a host.
  apart._setLocalInfo(true, false, { endpoint: contactPoint }, { rows: [{ host_id: contactPoint }] })
  const connection = made[0]?.pool._createConnection()
  if (connection === undefined) throw new Error('The driver made no host')
  // The pool is not used, so its listeners are removed.
  connection.removeAllListeners()
  return connection
}

/**
 * Dials contact points one after the other, each with a head start. The driver waits for the first one only, so a node that
 * hangs uses up the time of all.
 */
export function dialContactPoints(control: ControlConnection): void {
  control._borrowFirstConnection = async contactPoints => {
    const connection = await firstToAnswer(contactPoints, contactPoint =>
      control._createConnection(contactPoint).catch((error: unknown) => {
        control._triedHosts[contactPoint] = error
        throw error
      }),
    )
    if (connection === undefined) throw new errors.NoHostAvailableError(control._triedHosts)
    control.protocolVersion = connection.protocolVersion
    control._encoder = connection.encoder
    control.connection = connection
  }
}

/** The first connection that opens, or undefined if none does. Connections that open later are closed. */
async function firstToAnswer(
  contactPoints: Iterator<string>,
  dial: (contactPoint: string) => Promise<DriverConnection>,
): Promise<DriverConnection | undefined> {
  const dialled: Promise<DriverConnection | undefined>[] = []
  const pending = new Set<Promise<DriverConnection | undefined>>()
  for (;;) {
    const next = contactPoints.next()
    if (!next.done) {
      const attempt = dial(next.value).catch(() => undefined)
      attempt.then(() => pending.delete(attempt))
      dialled.push(attempt)
      pending.add(attempt)
    }
    if (pending.size === 0) return undefined
    const found = await soonest(pending, next.done ? undefined : HEAD_START_MS)
    if (found === undefined) continue
    for (const attempt of dialled) attempt.then(late => late !== found && late?.close())
    return found
  }
}

/** The result of the first attempt to settle, or undefined if that takes too long. */
async function soonest<T>(
  attempts: Iterable<Promise<T>>,
  limit_ms: number | undefined,
): Promise<T | undefined> {
  if (limit_ms === undefined) return Promise.race(attempts)
  const done = new AbortController()
  const limit = delay(limit_ms, undefined, { signal: done.signal }).catch(() => undefined)
  return Promise.race([...attempts, limit]).finally(() => done.abort())
}

/**
 * Marks hosts without a connection as down. Otherwise preparing a statement on such a host fails, and the driver does not try
 * the next one. The driver keeps dialling, and marks a host as up when it answers.
 */
export function markUnconnected(control: ControlConnection): void {
  for (const host of controlledHosts(control)) {
    if (host.pool.coreConnectionsLength > 0 && host.pool.connections.length === 0) host.setDown()
  }
}

function controlledHosts({ hosts }: ControlConnection): readonly ControlledHost[] {
  return hosts.values() as unknown as readonly ControlledHost[]
}

/**
 * Replaces the driver's search for another control connection. The driver's own starts several searches at once, whose
 * results overwrite each other (a TypeError nobody handles). It also replaces hosts that still have connections, and cannot
 * be stopped.
 * @returns a function that stops the search
 */
export function reconnectOneAtATime(control: ControlConnection): () => void {
  const stopped = new AbortController()
  let searching: Promise<void> | undefined
  control._refresh = () => {
    searching ??= search(control, stopped.signal).finally(() => {
      searching = undefined
    })
    return searching
  }
  return () => stopped.abort()
}

async function search(control: ControlConnection, stopped: AbortSignal): Promise<void> {
  const waits = control.options.policies.reconnection.newSchedule()
  while (!stopped.aborted) {
    try {
      if (await useNextHost(control, stopped)) return
    } catch (error) {
      control.emit('newConnection', error)
    }
    await delay(waits.next().value ?? LONGEST_WAIT_MS, undefined, { signal: stopped }).catch(() => {})
  }
}

/** Takes the first host that answers as the source of cluster events. False if none answers. */
async function useNextHost(control: ControlConnection, stopped: AbortSignal): Promise<boolean> {
  control._triedHosts = {}
  control.host = null
  control.connection = null
  const plan = await queryPlan(control)
  while (!stopped.aborted) {
    const connection = await borrow(control, plan)
    control.connection = connection
    try {
      await control._refreshHosts(false, true)
      await control._registerToConnectionEvents()
      const { host } = control
      if (host === null || !connection.connected) throw new Error('The connection was closed')
      control._setHealthListeners(host, connection)
      control.emit('newConnection', null, connection, host)
      return true
    } catch {
      control.host = null
      control.connection = null
    }
  }
  return false
}

function queryPlan({ _profileManager }: ControlConnection): Promise<Iterator<Host>> {
  return new Promise((resolve, reject) => {
    const policy = _profileManager.getDefaultLoadBalancing()
    policy.newQueryPlan(null, null, (error, hosts) => (error ? reject(error) : resolve(hosts)))
  })
}

/** @throws NoHostAvailableError when no host of the plan has a connection */
async function borrow(control: ControlConnection, plan: Iterator<Host>): Promise<DriverConnection> {
  try {
    return control._borrowAConnection(plan)
  } catch (error) {
    await addMovedHosts(control)
    throw error
  }
}

/**
 * Resolves the contact points again and adds the new addresses as hosts, in case all nodes have moved. Once the driver reaches a
 * host of the cluster, it removes hosts that do not belong to the cluster.
 */
async function addMovedHosts(control: ControlConnection): Promise<void> {
  const { options, hosts } = control
  const [known] = controlledHosts(control)
  if (known === undefined || options.sni || options.contactPoints === undefined) return
  control._contactPoints.clear()
  control._resolvedContactPoints.clear()
  await Promise.all(options.contactPoints.map(name => control._parseContactPoint(name)))
  for (const endpoint of control._contactPoints) {
    if (hosts.get(endpoint) !== undefined) continue
    const DriverHost = known.constructor as new (...described: unknown[]) => ControlledHost
    const host = new DriverHost(endpoint, control.protocolVersion, options, control.metadata)
    host.datacenter = known.datacenter
    ;(hosts as unknown as Map<string, Host>).set(endpoint, host)
    // The distance gives the host a pool. A host that is down is dialled.
    control._profileManager.getDistance(host)
    host.setDown()
  }
}
