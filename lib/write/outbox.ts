import type { Group } from '../batch/group.ts'
import { Queue } from './queue.ts'

/** What an outbox may hold. */
export interface OutboxBounds {
  /** Most requests in flight. Asked each time, since the bound may move. */
  readonly requests: () => number
  /** Most bytes in flight. */
  readonly bytes: number
  /** Rows that may wait before whoever brings more has to. */
  readonly waitingRows: number
  /** Bytes that may wait before whoever brings more has to. */
  readonly waitingBytes: number
}

/** Sends a group; resolves, whatever becomes of it, when it is no longer in flight. */
export type Send = (group: Group) => Promise<void>

/**
 * Groups on their way: those that wait for their turn, and a count of those in flight, which is bounded by requests and
 * by bytes. Groups leave in the order they came.
 */
export class Outbox {
  readonly #bounds: OutboxBounds
  readonly #send: Send
  readonly #waiting = new Queue<Group>()
  #waitingRows = 0
  #waitingBytes = 0
  #requests = 0
  #bytes = 0
  #isClosed = false
  #isAbandoned = false
  #roomWaiters: (() => void)[] = []
  #idleWaiters: (() => void)[] = []

  constructor(bounds: OutboxBounds, send: Send) {
    this.#bounds = bounds
    this.#send = send
  }

  /** Whether a group waits for its turn. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Whether a group waits for others to be answered, rather than for bytes. */
  get isShortOfRequests(): boolean {
    const { first } = this.#waiting
    return first !== undefined && this.#bytes + first.bytes <= this.#bounds.bytes
  }

  /** Sends what may leave at once and keeps the rest. Does nothing once closed. */
  push(groups: readonly Group[]): void {
    if (this.#isClosed) return
    for (const group of groups) {
      this.#waiting.push(group)
      this.#waitingRows += group.rows.length
      this.#waitingBytes += group.bytes
    }
    this.#sendNext()
  }

  /** A promise only while too much waits. It resolves when there is room again, or the outbox is closed. */
  room(): undefined | Promise<void> {
    return this.#hasRoom ? undefined : new Promise(resolve => this.#roomWaiters.push(resolve))
  }

  /** A promise only while something waits or is in flight. It resolves when nothing is. */
  idle(): undefined | Promise<void> {
    return this.#isIdle ? undefined : new Promise(resolve => this.#idleWaiters.push(resolve))
  }

  /** Drops what waits. What is in flight goes on. */
  close(): void {
    this.#isClosed = true
    this.#waiting.clear()
    this.#waitingRows = 0
    this.#waitingBytes = 0
    this.#wake()
  }

  /** Drops what waits, and nobody waits any longer for what is in flight. */
  abandon(): void {
    this.#isAbandoned = true
    this.close()
  }

  get #hasRoom(): boolean {
    return this.#waitingRows <= this.#bounds.waitingRows && this.#waitingBytes <= this.#bounds.waitingBytes
  }

  get #isIdle(): boolean {
    return this.#isAbandoned || (this.#requests === 0 && this.#waiting.length === 0)
  }

  #sendNext(): void {
    let group = this.#waiting.first
    while (group !== undefined && this.#fits(group)) {
      this.#waiting.shift()
      this.#waitingRows -= group.rows.length
      this.#waitingBytes -= group.bytes
      this.#requests++
      this.#bytes += group.bytes
      void this.#launch(group)
      group = this.#waiting.first
    }
    this.#wake()
  }

  async #launch(group: Group): Promise<void> {
    await this.#send(group)
    this.#requests--
    this.#bytes -= group.bytes
    this.#sendNext()
  }

  /** A request alone may exceed any bound, so that nothing stands still. */
  #fits({ bytes }: Group): boolean {
    if (this.#requests === 0) return true
    return this.#requests < this.#bounds.requests() && this.#bytes + bytes <= this.#bounds.bytes
  }

  #wake(): void {
    // The driver writes at the end of this turn of the event loop, and rows that come now would make it a long one.
    if (this.#hasRoom) for (const resolve of this.#roomWaiters.splice(0)) setImmediate(resolve)
    if (this.#isIdle) for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}
