import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientOptions } from 'cassandra-driver'
import {
  type ControlConnection,
  type ControlledHost,
  connectionTo,
  dialContactPoints,
  isKnown,
  markUnconnected,
  reconnectOneAtATime,
} from './controlConnection.ts'
import { DriverConnections } from './driverConnections.ts'

/** Milliseconds for which connecting waits for the pools of all nodes; one that hangs is left to the background. */
const WARM_UP_MS = 1_000

/** Milliseconds for which the servers may take to say goodbye. */
const GOODBYE_MS = 500

/** Shortest silence in milliseconds after which a connection is replaced: a server's garbage collection may take as long. */
const SHORTEST_SILENCE_MS = 1_000

/** What is used of a client that is not in the driver's types. */
interface Internals {
  readonly connected: boolean
  readonly controlConnection: ControlConnection
  readonly options: { readonly socketOptions: { readonly connectTimeout: number } }
  _warmup?(): Promise<void>
}

/**
 * A driver client of this package's own, without the driver's faults: what is replaced in it is here, in
 * `driverConnections.ts` and in `controlConnection.ts`. Versions of the driver that look different are left as they are.
 */
export class OwnClient {
  readonly client: Client
  readonly #connections: DriverConnections
  #stopReconnecting = () => {}
  #connecting: Promise<void> | undefined
  #closed: Promise<void> | undefined

  /** @param answer_ms silence in milliseconds, with a request in flight, after which a connection is replaced */
  constructor(options: ClientOptions, answer_ms: number) {
    this.client = new Client(options)
    const internals = this.client as unknown as Internals
    const { controlConnection } = internals
    const { connectTimeout } = internals.options.socketOptions
    // The driver takes 0 for no limit.
    const open_ms = connectTimeout > 0 ? connectTimeout : answer_ms
    const patience_ms = Math.max(answer_ms, SHORTEST_SILENCE_MS)
    this.#connections = new DriverConnections(() => ({
      open_ms,
      // Before the first rows another node may be asked in time.
      answer_ms: internals.connected ? patience_ms : Math.min(open_ms, patience_ms),
    }))
    if (isKnown(controlConnection)) this.#contain(internals, controlConnection)
  }

  /** Resolves when requests can be sent. */
  connect(): Promise<void> {
    this.#connecting ??= this.client.connect()
    return this.#connecting
  }

  /** Addresses of all nodes that the driver knows. */
  addresses(): string[] {
    return this.client.hosts.values().map(({ address }) => address.slice(0, address.lastIndexOf(':')))
  }

  /** Leaves no socket and no timer, in whatever state it is. Never throws. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#stopReconnecting()
    // The driver does nothing on shutdown() while it connects, and keeps what it opens afterwards.
    const shutdown = () => this.client.shutdown().catch(() => {})
    this.#connecting?.then(shutdown, () => {})
    await within(GOODBYE_MS, shutdown())
    await this.#connections.destroy()
    // The driver drops the events that wait for its timer before it closes the connections that bring more.
    ;(this.client as unknown as Internals).controlConnection._debouncer?.shutdown?.()
  }

  #contain(internals: Internals, control: ControlConnection): void {
    const connections = this.#connections
    control._createConnection = async contactPoint => {
      const connection = connections.watch(connectionTo(contactPoint, control))
      await connection.openAsync().catch((error: unknown) => {
        connection.close()
        throw error
      })
      return connection
    }
    dialContactPoints(control)
    this.#stopReconnecting = reconnectOneAtATime(control)
    control.hosts.on('add', (host: ControlledHost) => {
      const { pool, shutdown } = host
      const create = pool._createConnection
      pool._createConnection = () => connections.watch(create.call(pool))
      // The driver lets a host drain that left the cluster, with a timer that it forgets to clear.
      host.shutdown = () => shutdown.call(host, false)
    })
    const warmUp = internals._warmup
    if (warmUp === undefined) return
    internals._warmup = async () => {
      await within(WARM_UP_MS, warmUp.call(internals))
      markUnconnected(control)
    }
  }
}

/** Resolves with the work, or without it when the time is over. */
async function within(limit_ms: number, work: Promise<void>): Promise<void> {
  const done = new AbortController()
  const limit = delay(limit_ms, undefined, { signal: done.signal }).catch(() => {})
  await Promise.race([work, limit]).finally(() => done.abort())
}
