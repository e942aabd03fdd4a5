import { Lane, type Send, type Turns } from './lane.ts'
import { Queue } from './queue.ts'

/** What an outbox may hold. */
export interface OutboxBounds {
  /** Most requests in flight. Asked each time, since the bound may move. */
  readonly requests: () => number
  /** Most bytes in flight. */
  readonly bytes: number
  /** Bytes that may wait before whoever brings more has to. */
  readonly waitingBytes: number
}

/**
 * The groups of all tables on one connection, on their way: one bound on requests and bytes in flight, and one on the
 * bytes that wait. Lanes with a group that waits take turns.
 */
export class Outbox implements Turns {
  readonly #bounds: OutboxBounds
  /** Lanes with a group that waits, and closed ones that had one. */
  readonly #turns = new Queue<Lane>()
  #waitingBytes = 0
  #requests = 0
  #bytes = 0
  /** Lanes that wait for bytes to leave. */
  readonly #awaiting = new Set<Lane>()

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds
  }

  /** @param mostRows that may wait in the lane before whoever brings more has to */
  open(mostRows: number, send: Send): Lane {
    return new Lane(this, mostRows, send)
  }

  /** Whether a group waits for others to be answered, rather than for bytes. */
  get isShortOfRequests(): boolean {
    const first = this.#turns.first?.first
    return first !== undefined && this.#bytes + first.bytes <= this.#bounds.bytes
  }

  get hasRoom(): boolean {
    return this.#waitingBytes <= this.#bounds.waitingBytes
  }

  awaitRoom(lane: Lane): void {
    this.#awaiting.add(lane)
  }

  queued(lane: Lane, bytes: number, isFirst: boolean): void {
    this.#waitingBytes += bytes
    if (isFirst) this.#turns.push(lane)
    this.#sendNext()
  }

  dropped(bytes: number): void {
    this.#waitingBytes -= bytes
    this.#sendNext()
  }

  #sendNext(): void {
    const launched = new Set<Lane>()
    for (let lane = this.#turns.first; lane !== undefined; lane = this.#turns.first) {
      const group = lane.first
      if (group !== undefined && !this.#fits(group.bytes)) break
      this.#turns.shift()
      if (group === undefined) continue
      this.#waitingBytes -= group.bytes
      this.#launch(lane, group.bytes)
      launched.add(lane)
      if (lane.first !== undefined) this.#turns.push(lane)
    }
    if (this.hasRoom) {
      for (const lane of this.#awaiting) launched.add(lane)
      this.#awaiting.clear()
    }
    for (const lane of launched) lane.wake()
  }

  #launch(lane: Lane, bytes: number): void {
    this.#requests++
    this.#bytes += bytes
    void lane.launch().then(() => {
      this.#requests--
      this.#bytes -= bytes
      this.#sendNext()
      lane.landed()
    })
  }

  /** A request alone may exceed any bound, so that nothing stands still. */
  #fits(bytes: number): boolean {
    if (this.#requests === 0) return true
    return this.#requests < this.#bounds.requests() && this.#bytes + bytes <= this.#bounds.bytes
  }
}
