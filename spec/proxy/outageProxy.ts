import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'

/**
 * What happens on a connection:
 * - `pass`: nothing happens.
 * - `slow`: every chunk is delayed by {@link OutageProxy.delay_ms}.
 * - `swallow`: nothing arrives, in either direction.
 * - `deaf`: requests do not arrive; answers do.
 * - `mute`: requests arrive; answers do not.
 * - `sliced`: every byte arrives alone, in both directions.
 * - `torn request`, `torn answer`: the connection ends within the next frame in that direction.
 * - `reset request`, `reset answer`: the same, but a RST ends both sides.
 * - `half-open`: the server's side ends, and the proxy keeps reading what the client sends.
 */
export type Weather =
  | 'pass'
  | 'slow'
  | 'swallow'
  | 'deaf'
  | 'mute'
  | 'half-open'
  | 'sliced'
  | 'torn request'
  | 'torn answer'
  | 'reset request'
  | 'reset answer'

/** Milliseconds within which a process reads what has arrived. */
const READ_MS = 50

/** What happens to a new connection before a byte is sent. With `refuse`, nobody listens. */
export type Door = 'open' | 'hang up' | 'refuse'

interface Line {
  readonly client: Socket
  readonly server: Socket
  weather: Weather
}

/** A proxy that causes network faults between a driver and a real node. It does not parse frames. */
export class OutageProxy {
  /** Delay of `slow` in milliseconds. */
  delay_ms = 200
  /** Weather of new connections. */
  weather: Weather = 'pass'
  readonly #target: { readonly host: string; readonly port: number }
  readonly #host: string
  readonly #lines: Line[] = []
  #server: Server
  #port = 0
  #door: Door = 'open'
  #accepted = 0

  private constructor(target: { readonly host: string; readonly port: number }, host: string) {
    this.#target = target
    this.#host = host
    this.#server = this.#newServer()
  }

  /** Listens on a free port of 127.0.0.1, or of another address. */
  static async start(
    target: { readonly host: string; readonly port: number },
    host = '127.0.0.1',
    port = 0,
  ): Promise<OutageProxy> {
    const proxy = new OutageProxy(target, host)
    await proxy.#listen(port)
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** Connections that clients have open. */
  get connections(): number {
    return this.#lines.length
  }

  /** Number of connections that clients have opened so far. */
  get accepted(): number {
    return this.#accepted
  }

  /** Sets what happens to new connections. */
  async setDoor(door: Door): Promise<void> {
    if (door === this.#door) return
    const wasRefusing = this.#door === 'refuse'
    this.#door = door
    if (door === 'refuse') await new Promise<void>(resolve => this.#stopListening(resolve))
    else if (wasRefusing) await this.#listen(this.#port)
  }

  /** Changes the weather of open connections. Lost bytes stay lost. */
  strike(weather: Weather, hits: () => boolean = () => true): void {
    for (const line of this.#lines.filter(line => !isLossy(line) && hits())) {
      line.weather = weather
      if (weather === 'half-open') line.client.end()
    }
  }

  /** Closes open connections. New ones are accepted. */
  cut(hits: () => boolean = () => true): void {
    for (const { client } of this.#lines.filter(hits)) client.destroy()
  }

  /** Ends the outage for new connections and for connections that lost nothing. The others stay as they are. */
  async clear(): Promise<void> {
    this.weather = 'pass'
    this.strike('pass')
    await this.setDoor('open')
  }

  async stop(): Promise<void> {
    this.cut()
    if (this.#door !== 'refuse') await new Promise<void>(resolve => this.#stopListening(resolve))
  }

  #newServer(): Server {
    return createServer({ noDelay: true, allowHalfOpen: true }, client => this.#serve(client))
  }

  async #listen(port: number): Promise<void> {
    this.#server = this.#newServer()
    this.#server.listen(port, this.#host)
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Calls `done` without waiting for open connections, unlike the callback of close(). */
  #stopListening(done: () => void): void {
    this.#server.close()
    setImmediate(done)
  }

  #serve(client: Socket): void {
    this.#accepted++
    client.on('error', () => {})
    if (this.#door === 'hang up') {
      client.end()
      client.resume()
      return
    }
    const server = connect({ ...this.#target, noDelay: true })
    server.on('error', () => {})
    const line: Line = { client, server, weather: this.weather }
    this.#lines.push(line)
    carry(line, client, server, weather => weather === 'swallow' || weather === 'deaf', this)
    carry(line, server, client, weather => weather === 'swallow' || weather === 'mute', this)
    client.on('end', () => client.end())
    client.on('close', () => {
      this.#lines.splice(this.#lines.indexOf(line), 1)
      server.destroy()
    })
    server.on('close', () => {
      if (line.weather !== 'half-open') client.destroy()
    })
  }
}

const lossless: ReadonlySet<Weather> = new Set(['pass', 'slow', 'sliced'])

const isLossy = ({ weather }: Line) => !lossless.has(weather)

function carry(
  line: Line,
  from: Socket,
  to: Socket,
  isLost: (weather: Weather) => boolean,
  proxy: OutageProxy,
): void {
  let held = 0
  let last = Promise.resolve()
  from.on('data', (chunk: Buffer) => {
    const { weather } = line
    if (isLost(weather) || weather === 'half-open') return
    const direction = from === line.client ? 'request' : 'answer'
    if (weather === `torn ${direction}`) {
      to.end(chunk.subarray(0, -1))
      from.destroy()
      return
    }
    if (weather === `reset ${direction}`) {
      line.weather = 'swallow'
      to.write(chunk.subarray(0, -1))
      // A RST would hide bytes that are not yet read.
      setTimeout(() => {
        for (const socket of [to, from]) socket.resetAndDestroy()
      }, READ_MS)
      return
    }
    const pass = async () => {
      if (line.weather === 'sliced') await slice(chunk, to)
      else if (to.writable) to.write(chunk)
    }
    if (weather !== 'slow' && weather !== 'sliced' && held === 0) {
      void pass()
      return
    }
    // Chunks keep their order when one is delayed.
    const due = performance.now() + (weather === 'slow' ? proxy.delay_ms : 0)
    held++
    last = last
      .then(() => delay(due - performance.now()))
      .then(pass)
      .finally(() => {
        held--
      })
  })
}

/** Sends one byte per turn of the event loop, so that a reader in this process gets them one by one. */
async function slice(chunk: Buffer, to: Socket): Promise<void> {
  for (let at = 0; at < chunk.length && to.writable; at++) {
    to.write(chunk.subarray(at, at + 1))
    await turn()
  }
}
