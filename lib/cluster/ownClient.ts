import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientOptions, type Host } from 'cassandra-driver'
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

/** Milliseconds for which connecting waits for the pools of all nodes. Connecting to a node that hangs continues in the background. */
const WARM_UP_MS = 1_000

/** Milliseconds for an orderly shutdown of the connections. */
const GOODBYE_MS = 500

/** Milliseconds of silence before a connection is replaced, at least: a server's garbage collection may take as long. */
const SHORTEST_SILENCE_MS = 1_000

/** The used parts of a client that the driver's types lack. */
interface Internals {
  readonly connected: boolean
  readonly controlConnection: ControlConnection
  readonly options: { readonly socketOptions: { readonly connectTimeout: number } }
  _warmup?(): Promise<void>
}

/**
 * A driver client with workarounds for faults of the driver. They are here, in `driverConnections.ts` and in
 * `controlConnection.ts`. Versions of the driver with other internals are left as they are.
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
    // To the driver, 0 means no limit.
    const open_ms = connectTimeout > 0 ? connectTimeout : answer_ms
    const patience_ms = Math.max(answer_ms, SHORTEST_SILENCE_MS)
    this.#connections = new DriverConnections(() => ({
      open_ms,
      // Before the first rows, the limit is shorter. It leaves time to ask another node.
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
    return this.client.hosts.values().map(addressOf)
  }

  /** Calls the listener with the address of each node that joins later. */
  onAddress(listener: (address: string) => void): void {
    this.client.on('hostAdd', host => listener(addressOf(host)))
  }

  /** Closes every socket and timer, in any state. Never throws. */
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
    // The driver drops queued events before it closes the connections that bring more.
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
      // When a host has left the cluster, the driver drains it by a timer that it never clears.
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

function addressOf({ address }: Host): string {
  return address.slice(0, address.lastIndexOf(':'))
}

/** Resolves when the work is done or the time is over. */
async function within(limit_ms: number, work: Promise<void>): Promise<void> {
  const done = new AbortController()
  const limit = delay(limit_ms, undefined, { signal: done.signal }).catch(() => {})
  await Promise.race([work, limit]).finally(() => done.abort())
}
