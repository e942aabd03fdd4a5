import type { Group } from '../batch/group.ts'
import { Queue } from './queue.ts'

/** Sends a group; resolves, whatever becomes of it, when it is no longer in flight. */
export type Send = (group: Group) => Promise<void>

/** What lanes have in common: the turns of their groups, and a bound on the bytes that wait. */
export interface Turns {
  /** Whether the groups of all lanes that wait are within their bound. */
  readonly hasRoom: boolean
  /** Calls {@link Lane.wake} once they are. */
  awaitRoom(lane: Lane): void
  /** Groups wait that did not before. */
  queued(lane: Lane, bytes: number, isFirst: boolean): void
  /** Groups that waited never leave. */
  dropped(bytes: number): void
}

/**
 * The groups of one table on their way: those that wait for their turn, and a count of those in flight. Groups leave in
 * the order they came.
 */
export class Lane {
  readonly #turns: Turns
  readonly #mostRows: number
  readonly #send: Send
  readonly #waiting = new Queue<Group>()
  #waitingRows = 0
  #waitingBytes = 0
  #requests = 0
  #isClosed = false
  #isAbandoned = false
  #roomWaiters: (() => void)[] = []
  #idleWaiters: (() => void)[] = []

  /** @param mostRows that may wait before whoever brings more has to */
  constructor(turns: Turns, mostRows: number, send: Send) {
    this.#turns = turns
    this.#mostRows = mostRows
    this.#send = send
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** The group that leaves next. */
  get first(): Group | undefined {
    return this.#waiting.first
  }

  /** Sends what may leave at once and keeps the rest. Does nothing once closed. */
  push(groups: readonly Group[]): void {
    if (this.#isClosed) return
    const isFirst = this.first === undefined
    let bytes = 0
    for (const group of groups) {
      this.#waiting.push(group)
      this.#waitingRows += group.rows.length
      bytes += group.bytes
    }
    this.#waitingBytes += bytes
    if (groups.length > 0) this.#turns.queued(this, bytes, isFirst)
  }

  /** Sends the first group; resolves, whatever becomes of it, when it is no longer in flight. */
  launch(): Promise<void> {
    const group = this.#waiting.shift() as Group
    this.#waitingRows -= group.rows.length
    this.#waitingBytes -= group.bytes
    this.#requests++
    return this.#send(group)
  }

  /** A group is no longer in flight. */
  landed(): void {
    this.#requests--
    this.#settle()
  }

  /** Lets those go on who wait for room, if there is. */
  wake(): void {
    if (this.#roomWaiters.length === 0) return
    if (!this.#hasRoom) {
      if (!this.#turns.hasRoom) this.#turns.awaitRoom(this)
      return
    }
    // The driver writes at the end of this turn of the event loop, and rows that come now would make it a long one.
    for (const resolve of this.#roomWaiters.splice(0)) setImmediate(resolve)
  }

  /** A promise only while too much waits. It resolves when there is room again, or the lane is closed. */
  room(): undefined | Promise<void> {
    return this.#hasRoom ? undefined : this.#roomAgain()
  }

  /** A promise only while something waits or is in flight. It resolves when nothing is. */
  idle(): undefined | Promise<void> {
    return this.#isIdle ? undefined : new Promise(resolve => this.#idleWaiters.push(resolve))
  }

  /** Drops what waits. What is in flight goes on. */
  close(): void {
    this.#isClosed = true
    const bytes = this.#waitingBytes
    this.#waiting.clear()
    this.#waitingRows = 0
    this.#waitingBytes = 0
    this.#turns.dropped(bytes)
    this.wake()
    this.#settle()
  }

  /** Drops what waits, and nobody waits any longer for what is in flight. */
  abandon(): void {
    this.#isAbandoned = true
    this.close()
  }

  get #hasRoom(): boolean {
    return this.#isClosed || (this.#waitingRows <= this.#mostRows && this.#turns.hasRoom)
  }

  get #isIdle(): boolean {
    return this.#isAbandoned || (this.#requests === 0 && this.first === undefined)
  }

  async #roomAgain(): Promise<void> {
    while (!this.#hasRoom) {
      if (!this.#turns.hasRoom) this.#turns.awaitRoom(this)
      await new Promise<void>(resolve => this.#roomWaiters.push(resolve))
    }
  }

  #settle(): void {
    if (this.#isIdle) for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}
