import type { Group } from '../batch/group.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import { Line, type LineOwner } from './line.ts'
import type { Permit } from './permit.ts'
import type { ReplicaSet } from './replicaSet.ts'

/** Sends a group. Resolves when it is settled, with or without success. */
export type Send = (group: Group, permit: Permit) => Promise<void>

/** What lanes share: the turns of their groups, and bounds on what all of them hold. */
export interface Turns {
  /** Whether all lanes together are within the bounds. */
  readonly hasRoom: boolean
  /** Calls {@link Lane.wake} once it is. */
  awaitRoom(lane: LineOwner): void
  /** The replica set of this name. */
  replicaSetOf(name: unknown): ReplicaSet<Line>
  /** A group waits in this line. */
  queued(line: Line, group: Group): void
  /** Sends what may leave. */
  sendNext(): void
  /** The groups that wait in this line never leave. */
  dropped(line: Line): void
}

/** The groups of one table: those that wait for their turn, and a count of those that left. */
export class Lane implements LineOwner {
  readonly #turns: Turns
  readonly #mostRows: number
  readonly #send: Send
  readonly #landed: () => void
  readonly #lines = new Map<unknown, Line>()
  #waitingRows = 0
  #launched = 0
  /** Groups that have left, and of which `on_bad_row` handles a row. */
  #aside = 0
  #isClosed = false
  #isAbandoned = false
  #roomWaiters: (() => void)[] = []
  #answerWaiters: (() => void)[] = []

  /**
   * @param mostRows rows that may wait before the source has to wait
   * @param landed called when a group is settled
   */
  constructor(turns: Turns, mostRows: number, send: Send, landed: () => void) {
    this.#turns = turns
    this.#mostRows = mostRows
    this.#send = send
    this.#landed = landed
  }

  /** Whether rows wait for their turn. Those of a failing replica set do not count. */
  get isWaiting(): boolean {
    return this.#waitingRows > 0
  }

  /** Sends what may leave at once and keeps the rest. Does nothing once closed. */
  push(groups: readonly Group[]): void {
    if (this.#isClosed) return
    for (const group of groups) {
      let line = this.#lines.get(group.replicas)
      if (line === undefined) {
        line = new Line(this, this.#turns.replicaSetOf(group.replicas))
        this.#lines.set(group.replicas, line)
      }
      line.push(group)
      this.#turns.queued(line, group)
    }
    if (groups.length > 0) this.#turns.sendNext()
  }

  waits(rows: number): void {
    this.#waitingRows += rows
  }

  launch(line: Line, permit: Permit): Promise<void> {
    const group = line.shift()
    // Replica sets change with the ring, so old ones are dropped.
    if (line.first === undefined) this.#lines.delete(group.replicas)
    this.#launched++
    return this.#send(group, permit)
  }

  landed(): void {
    this.#launched--
    this.#landed()
    this.#settle()
  }

  /** Adds to the number of groups of which `on_bad_row` handles a row. A negative number subtracts. */
  aside(groups: number): void {
    this.#aside += groups
    this.#settle()
  }

  /** Rows that wait for their turn. */
  *rows(): Generator<EncodedRow, void, undefined> {
    for (const line of this.#lines.values()) yield* line.waitingRows()
  }

  wake(): void {
    if (this.#roomWaiters.length === 0) return
    if (!this.#hasRoom) {
      if (!this.#turns.hasRoom) this.#turns.awaitRoom(this)
      return
    }
    // The driver writes at the end of this turn of the event loop. More rows would make the turn long.
    for (const resolve of this.#roomWaiters.splice(0)) setImmediate(resolve)
  }

  /** Returns a promise only while too much waits. It resolves when there is room again, or the lane is closed. */
  room(): undefined | Promise<void> {
    return this.#hasRoom ? undefined : this.#roomAgain()
  }

  /**
   * Returns a promise only while something waits or is in flight. It resolves when nothing does, apart from groups that wait for
   * `on_bad_row`, which may take any time.
   */
  answered(): undefined | Promise<void> {
    return this.#isAnswered ? undefined : new Promise(resolve => this.#answerWaiters.push(resolve))
  }

  /** Drops waiting groups. Groups that have left continue. */
  close(): void {
    this.#isClosed = true
    for (const line of this.#lines.values()) {
      this.#turns.dropped(line)
      line.clear()
    }
    this.#lines.clear()
    this.#turns.sendNext()
    this.wake()
    this.#settle()
  }

  /** Drops waiting groups, and no longer waits for groups that have left. */
  abandon(): void {
    this.#isAbandoned = true
    this.close()
  }

  get #hasRoom(): boolean {
    return this.#isClosed || (this.#waitingRows <= this.#mostRows && this.#turns.hasRoom)
  }

  get isIdle(): boolean {
    return this.#isAbandoned || (this.#launched === 0 && this.#lines.size === 0)
  }

  get #isAnswered(): boolean {
    return this.#isAbandoned || (this.#launched === this.#aside && this.#lines.size === 0)
  }

  async #roomAgain(): Promise<void> {
    while (!this.#hasRoom) {
      if (!this.#turns.hasRoom) this.#turns.awaitRoom(this)
      await new Promise<void>(resolve => this.#roomWaiters.push(resolve))
    }
  }

  #settle(): void {
    if (this.#isAnswered) for (const resolve of this.#answerWaiters.splice(0)) resolve()
  }
}
