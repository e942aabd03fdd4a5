import { connect, type Socket } from 'node:net'
import { type Frame, FrameReader, opcodes, startupFrame } from './frame.ts'

/** The proxy's own connection to the server, for late writes. */
export class LateConnection {
  readonly #socket: Socket
  readonly #waiting = new Map<number, { resolve(): void; reject(error: Error): void }>()
  readonly #ready: Promise<void>
  #nextStream = 1

  constructor(target: { readonly host: string; readonly port: number }) {
    this.#socket = connect({ ...target, noDelay: true })
    const reader = new FrameReader()
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of reader.read(chunk)) this.#answered(frame)
    })
    this.#socket.on('error', error => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new Error('The connection for late writes was closed')))
    this.#ready = this.#ask(startupFrame())
    this.#ready.catch(() => {})
  }

  /** Resolves when the server has applied the write. Rejects if the server refuses it. */
  async send(frame: Frame): Promise<void> {
    await this.#ready
    const stream = this.#nextStream
    this.#nextStream = (stream % 30_000) + 1
    await this.#ask(frame.onStream(stream))
  }

  close(): void {
    this.#socket.destroy()
  }

  #ask(frame: Frame): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(frame.stream, { resolve, reject })
      this.#socket.write(frame.bytes)
    })
  }

  #answered(frame: Frame): void {
    const waiter = this.#waiting.get(frame.stream)
    this.#waiting.delete(frame.stream)
    if (frame.opcode === opcodes.error) waiter?.reject(new Error(`Late write refused: ${frame.body}`))
    else waiter?.resolve()
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
