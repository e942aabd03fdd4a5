import { connect, type Socket } from 'node:net'
import { closedPort } from '../closedPort.ts'

/** The network between KafkaJS and its brokers. While it is down, open connections end and new ones are refused. */
export class Network {
  readonly #sockets = new Set<Socket>()
  readonly #refusing: number
  #isDown = false
  #delay_ms = 0
  /** Number of connections so far, refused ones included. */
  attempts = 0

  private constructor(refusing: number) {
    this.#refusing = refusing
  }

  static async create(): Promise<Network> {
    return new Network(await closedPort())
  }

  /** For `socketFactory` of `Kafka`. */
  readonly socketFactory = ({ host, port, onConnect }: Address): Socket => {
    this.attempts++
    const socket = connect({ host, port: this.#isDown ? this.#refusing : port })
    socket.on('connect', () => setTimeout(onConnect, this.#delay_ms))
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    return socket
  }

  /** Number of connections that are open. */
  get open(): number {
    return this.#sockets.size
  }

  down(): void {
    this.#isDown = true
    for (const socket of this.#sockets) socket.destroy(new Error('read ECONNRESET'))
  }

  up(): void {
    this.#isDown = false
  }

  /** Lets each new connection take as many milliseconds longer. */
  slow(delay_ms: number): void {
    this.#delay_ms = delay_ms
  }
}

interface Address {
  readonly host: string
  readonly port: number
  readonly onConnect: () => void
}
