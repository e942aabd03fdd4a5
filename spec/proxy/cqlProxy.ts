import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { cqlOf, errorFrame, executedId, type Frame, FrameReader, opcodes, preparedId } from './frame.ts'
import { LateConnection } from './lateConnection.ts'

/** What happens to a write. Delivery and answer are independent, so every fault of network and server is possible. */
export interface Fate {
  /** When the server gets the write. `'twice'` means now and late. @default 'now' */
  readonly delivery?: 'now' | 'never' | 'late' | 'twice'
  /**
   * What the client gets: the server's answer, a closed connection, nothing, or an error with this code. Unless delivery is
   * late or never, the client gets it after the server has applied the write. @default 'server'
   */
  readonly answer?: 'server' | 'close' | 'nothing' | ErrorAnswer
  /** Milliseconds by which the answer is delayed, in addition to `latency_ms`. */
  readonly delay_ms?: number
  /** Number of other writes after which a late delivery happens. Without it, at {@link CqlProxy.deliverLate}. */
  readonly after_writes?: number
}

export interface ErrorAnswer {
  readonly code: number
  readonly message: string
  /** What follows code and message in the body. @default that of a server whose only replica did not answer */
  readonly details?: Buffer | undefined
}

export interface ProxiedWrite {
  /** INSERT, DELETE, UPDATE or BEGIN … BATCH. */
  readonly cql: string
  readonly frame: Frame
  /** Number of the write in the order in which writes reached the proxy, counted from 0. */
  readonly index: number
  /** Whether its connection also carries reads in flight or events of the cluster. */
  readonly besideOthers: boolean
}

interface LateWrite {
  readonly frame: Frame
  readonly due: number
}

/**
 * A proxy for a real Cassandra node without logins and TLS. It makes the faults that a server does not make on demand.
 * Only writes get a fate, unless `decided` names other statements. Without `decide` and `latency_ms` everything passes unchanged.
 */
export class CqlProxy {
  /** Milliseconds by which all answers are delayed. */
  latency_ms = 0
  /** Matches the statements that `decide` is called for. @default those that write */
  decided = /^\s*(?:INSERT|DELETE|UPDATE|BEGIN)/i
  /** Decides on every write. Undefined lets it pass. */
  decide: (write: ProxiedWrite) => Fate | undefined = () => undefined
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #links = new Set<Link>()
  /** Text of prepared statements by id. Ids are the same on every connection. */
  readonly #prepared = new Map<string, string>()
  #late: LateWrite[] = []
  #lateConnection: LateConnection | undefined
  readonly #delivering = new Set<Promise<void>>()
  #writes = 0
  #unanswered = 0

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer({ noDelay: true }, client => this.#serve(client))
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(target: { readonly host: string; readonly port: number }): Promise<CqlProxy> {
    const proxy = new CqlProxy(target)
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

  /** Number of open connections of clients. */
  get connections(): number {
    return this.#links.size
  }

  /** Number of writes so far. */
  get writes(): number {
    return this.#writes
  }

  /** Number of unanswered writes. Those of closed connections do not count. */
  get unanswered(): number {
    return this.#unanswered
  }

  /** Closes all connections. New ones are accepted. */
  closeConnections(): void {
    for (const { client } of this.#links) client.destroy()
  }

  /** Sends every late write to the server. Resolves when the server has answered all of them. */
  async deliverLate(): Promise<void> {
    for (const { frame } of this.#late.splice(0)) this.#deliver(frame)
    while (this.#delivering.size > 0) await Promise.all(this.#delivering)
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.closeConnections()
    this.#lateConnection?.close()
    await closed
  }

  #serve(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true })
    const link = new Link(client, server)
    this.#links.add(link)
    const requests = new FrameReader()
    const answers = new FrameReader()
    client.on('data', (chunk: Buffer) => {
      for (const frame of requests.read(chunk)) this.#request(link, frame)
    })
    server.on('data', (chunk: Buffer) => {
      for (const frame of answers.read(chunk)) this.#answer(link, frame)
    })
    pauseWhileFull(client, server)
    pauseWhileFull(server, client)
    // The error of a connection is followed by its 'close'.
    client.on('error', () => {})
    server.on('error', () => {})
    // The server still applies what it was sent before.
    client.on('close', () => {
      this.#links.delete(link)
      this.#unanswered -= link.fates.size
      link.fates.clear()
      server.end()
    })
    server.on('close', () => client.destroy())
  }

  #request(link: Link, frame: Frame): void {
    const cql = this.#cqlOf(link, frame)
    if (cql === undefined || !this.decided.test(cql)) {
      if (frame.opcode === opcodes.query || frame.opcode === opcodes.execute) link.reads.add(frame.stream)
      link.server.write(frame.bytes)
      return
    }
    const index = this.#writes++
    const besideOthers = link.hasRegistered || link.reads.size > 0
    const fate = this.decide({ cql, frame, index, besideOthers }) ?? {}
    const { delivery = 'now', after_writes = Number.POSITIVE_INFINITY } = fate
    link.fates.set(frame.stream, fate)
    this.#unanswered++
    if (delivery === 'now' || delivery === 'twice') link.server.write(frame.bytes)
    else this.#settle(link, frame.stream, fate, undefined)
    if (delivery === 'late' || delivery === 'twice') this.#late.push({ frame, due: index + 1 + after_writes })
    this.#deliverDue()
  }

  #cqlOf(link: Link, frame: Frame): string | undefined {
    if (frame.opcode === opcodes.execute) return this.#prepared.get(executedId(frame))
    if (frame.opcode === opcodes.query) return cqlOf(frame)
    if (frame.opcode === opcodes.batch) return 'BEGIN BATCH'
    if (frame.opcode === opcodes.register) link.registering = frame.stream
    if (frame.opcode === opcodes.prepare) link.preparing.set(frame.stream, cqlOf(frame))
    return undefined
  }

  #answer(link: Link, frame: Frame): void {
    const cql = link.preparing.get(frame.stream)
    if (cql !== undefined) {
      link.preparing.delete(frame.stream)
      const id = preparedId(frame)
      if (id !== undefined) this.#prepared.set(id, cql)
    }
    if (link.registering === frame.stream) {
      link.registering = undefined
      link.hasRegistered = true
    }
    link.reads.delete(frame.stream)
    const fate = link.fates.get(frame.stream)
    if (fate === undefined) this.#send(link, frame, 0)
    else this.#settle(link, frame.stream, fate, frame)
  }

  #settle(link: Link, stream: number, fate: Fate, frame: Frame | undefined): void {
    const { answer = 'server', delay_ms = 0 } = fate
    if (answer === 'nothing') return
    if (answer === 'close') {
      link.client.destroy()
      return
    }
    const answered =
      answer === 'server' ? frame : errorFrame(stream, answer.code, answer.message, answer.details)
    if (answered === undefined)
      throw new Error('A write that the server does not get now has no answer of it')
    this.#send(link, answered, delay_ms)
  }

  #send(link: Link, frame: Frame, delay_ms: number): void {
    const send = () => {
      if (link.fates.delete(frame.stream)) this.#unanswered--
      if (!link.client.destroyed) link.client.write(frame.bytes)
    }
    const wait = this.latency_ms + delay_ms
    if (wait === 0) send()
    else setTimeout(send, wait)
  }

  #deliverDue(): void {
    const due = this.#late.filter(late => late.due <= this.#writes)
    if (due.length === 0) return
    this.#late = this.#late.filter(late => late.due > this.#writes)
    for (const { frame } of due) this.#deliver(frame)
  }

  #deliver(frame: Frame): void {
    this.#lateConnection ??= new LateConnection(this.#target)
    const delivering = this.#lateConnection.send(frame).finally(() => this.#delivering.delete(delivering))
    this.#delivering.add(delivering)
  }
}

/** A client's connection and its connection to the server. */
class Link {
  readonly client: Socket
  readonly server: Socket
  /** Fates of the unanswered writes by stream id. */
  readonly fates = new Map<number, Fate>()
  readonly preparing = new Map<number, string>()
  readonly reads = new Set<number>()
  registering: number | undefined
  hasRegistered = false

  constructor(client: Socket, server: Socket) {
    this.client = client
    this.server = server
  }
}

/** Pauses reading from one socket while the other one is full. */
export function pauseWhileFull(from: Socket, to: Socket): void {
  from.on('data', () => {
    if (to.writableNeedDrain) from.pause()
  })
  to.on('drain', () => from.resume())
  to.on('close', () => from.resume())
}
