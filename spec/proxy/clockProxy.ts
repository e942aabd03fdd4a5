import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { pauseWhileFull } from './cqlProxy.ts'
import { cqlOf, executedId, type Frame, FrameReader, opcodes, preparedId } from './frame.ts'
import { mapBigints } from './rows.ts'

/** Ids of the prepared statements that read the clock. An id depends only on the text, so all proxies share them. */
const clockStatements = new Set<string>()

/**
 * A proxy for a node without TLS that makes the node's clock appear wrong. It shifts the bigints in the answer to each
 * statement that selects `toUnixTimestamp(now())`. Everything else passes unchanged, including write times. The target may be
 * another proxy.
 */
export class ClockProxy {
  /** Milliseconds by which the node's clock appears to be ahead, or behind if negative. May change at any time. */
  offset_ms = 0
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #clients = new Set<Socket>()
  #reads = 0

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer({ noDelay: true }, client => this.#serve(client))
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(
    target: { readonly host: string; readonly port: number },
    offset_ms = 0,
  ): Promise<ClockProxy> {
    const proxy = new ClockProxy({ host: target.host, port: target.port })
    proxy.offset_ms = offset_ms
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get host(): string {
    return '127.0.0.1'
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Number of reads of the clock so far. */
  get reads(): number {
    return this.#reads
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const client of this.#clients) client.destroy()
    await closed
  }

  #serve(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true })
    const requests = new FrameReader()
    const answers = new FrameReader()
    const asked = new Map<number, Frame>()
    this.#clients.add(client)
    client.on('data', (chunk: Buffer) => {
      for (const frame of requests.read(chunk)) {
        if (readsClock(frame)) asked.set(frame.stream, frame)
        server.write(frame.bytes)
      }
    })
    server.on('data', (chunk: Buffer) => {
      for (const frame of answers.read(chunk)) {
        const request = asked.get(frame.stream)
        asked.delete(frame.stream)
        client.write((request === undefined ? frame : this.#shift(request, frame)).bytes)
      }
    })
    pauseWhileFull(client, server)
    pauseWhileFull(server, client)
    // 'close' follows the error of a connection.
    client.on('error', () => {})
    server.on('error', () => {})
    client.on('close', () => {
      this.#clients.delete(client)
      server.destroy()
    })
    server.on('close', () => client.destroy())
  }

  #shift(request: Frame, answer: Frame): Frame {
    if (request.opcode === opcodes.prepare) {
      const id = preparedId(answer)
      if (id !== undefined) clockStatements.add(id)
      return answer
    }
    this.#reads++
    return mapBigints(answer, time_ms => time_ms + BigInt(this.offset_ms))
  }
}

function readsClock(frame: Frame): boolean {
  if (frame.opcode === opcodes.execute) return clockStatements.has(executedId(frame))
  if (frame.opcode !== opcodes.query && frame.opcode !== opcodes.prepare) return false
  return /^\s*SELECT\b.*\btoUnixTimestamp\s*\(\s*now\s*\(/is.test(cqlOf(frame))
}
