import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'

/** The used parts of a driver connection, which its types lack. */
export interface DriverConnection extends EventEmitter {
  readonly netClient: Socket
  readonly protocol: EventEmitter
  readonly parser: EventEmitter
  readonly protocolVersion: number
  readonly encoder: unknown
  /** Whether requests can be sent. Set at the end of the start-up. */
  readonly connected: boolean
  open(callback: (error?: Error | null) => void): void
  openAsync(): Promise<void>
  close(): void
  bindSocketListeners(): void
  /** Called when a request is handed to the socket, before it is registered as in flight. */
  _setIdleTimeout(): void
  clearAndInvokePending(error?: Error): void
  /** Requests without an answer, including those that timed out. */
  getInFlight(): number
}

/** Longest silence of a connection, in milliseconds. */
export interface Patience {
  /** From dialling to the end of the start-up, login included. */
  readonly open_ms: number
  /** With a request in flight. */
  readonly answer_ms: number
}

/** A connection is silent after this many checks in a row without an answer. */
const LOOKS = 8

interface Watched {
  readonly connection: DriverConnection
  bytesRead: number
  silentLooks: number
}

/**
 * Every socket of one driver client. The driver forgets sockets whose start-up fails, waits as long for a start-up as for a
 * request, and keeps a silent connection until 64 requests have timed out.
 */
export class DriverConnections {
  readonly #patience: () => Patience
  readonly #sockets = new Map<Socket, Watched>()
  #look: NodeJS.Timeout | undefined
  #closed = false

  /** @param patience is asked before each use */
  constructor(patience: () => Patience) {
    this.#patience = patience
  }

  /** Takes charge of a connection that is not open yet. */
  watch(connection: DriverConnection): DriverConnection {
    const { open, bindSocketListeners, _setIdleTimeout } = connection
    // The driver may open a connection twice, the second time with a lower version of the protocol.
    connection.open = callback => {
      open.call(connection, callback)
      this.#add(connection)
    }
    connection.openAsync = promisify(connection.open)
    connection.bindSocketListeners = () => {
      bindSocketListeners.call(connection)
      const { netClient, protocol, parser } = connection
      // A peer that does not speak CQL causes an 'error' here, for which the driver has no listener.
      for (const stream of [protocol, parser]) stream.on('error', (error: Error) => netClient.destroy(error))
    }
    // A request on a closed socket would wait for its time limit and start a heartbeat of 30 s.
    connection._setIdleTimeout = () => {
      if (connection.netClient.destroyed) setImmediate(() => connection.clearAndInvokePending())
      else _setIdleTimeout.call(connection)
    }
    return connection
  }

  /** Closes every socket, and each one that the driver opens afterwards. */
  async destroy(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#look)
    await Promise.all(
      Array.from(this.#sockets, ([socket, { connection }]) => {
        const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
        // A draining pool waits for this event with a timer.
        connection.emit('drain')
        socket.destroy(new Error('The client is closed'))
        return closed
      }),
    )
  }

  #add(connection: DriverConnection): void {
    const socket = connection.netClient
    this.#sockets.set(socket, { connection, bytesRead: 0, silentLooks: 0 })
    const { open_ms } = this.#patience()
    const limit = setTimeout(() => socket.destroy(new Error(`No answer within ${open_ms} ms`)), open_ms)
    const opened = () => clearTimeout(limit)
    connection.once('connected', opened)
    socket.once('close', () => {
      opened()
      connection.off('connected', opened)
      this.#sockets.delete(socket)
      // During the start-up, the driver does not report that the other side hung up.
      if (!connection.connected) connection.clearAndInvokePending()
    })
    if (this.#closed) socket.destroy(new Error('The client is closed'))
    else this.#lookLater()
  }

  #lookLater(): void {
    if (this.#look !== undefined || this.#closed || this.#sockets.size === 0) return
    this.#look = setTimeout(() => {
      this.#look = undefined
      for (const [socket, watched] of this.#sockets) this.#replaceIfSilent(socket, watched)
      this.#lookLater()
    }, this.#patience().answer_ms / LOOKS)
    this.#look.unref()
  }

  /**
   * Counts checks instead of time. Between two checks the event loop reads what has arrived, even if the process was busy or
   * paused for long.
   */
  #replaceIfSilent(socket: Socket, watched: Watched): void {
    const { connection, bytesRead } = watched
    watched.bytesRead = socket.bytesRead
    if (connection.getInFlight() === 0 || socket.bytesRead !== bytesRead) watched.silentLooks = 0
    // The first look at a request does not count: it may just have been sent.
    else if (watched.silentLooks++ >= LOOKS) {
      socket.destroy(new Error(`No answer within ${this.#patience().answer_ms} ms`))
    }
  }
}
