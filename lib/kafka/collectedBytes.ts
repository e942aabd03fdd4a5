import type { EpochRows } from '../epoch/epochRows.ts'

/** Estimated bytes of memory of a row besides its values: the row as an object, and where its message stands. */
const ROW_BYTES = 256

/** Estimated bytes of memory of the rows of an epoch. Without the overhead, small rows take several times the memory of their values. */
export function memoryOf({ bytes, count }: Pick<EpochRows, 'bytes' | 'count'>): number {
  return bytes + ROW_BYTES * count
}

/** A partition whose collected bytes are counted. */
export interface Collecting {
  /** Ends its epoch as soon as possible, so that the rows are sent. */
  cut(): void
  /** Whether the epoch is a replay, which cannot end early. */
  readonly isReplaying: boolean
  /** Whether it waits for `on_bad_row`, which may take long. Its epoch cannot end before. */
  readonly isWaiting: boolean
}

/** The encoded bytes of one partition that are not sent yet, and the bytes of messages that are kept for `on_bad_row`. */
export class Share {
  readonly owner: Collecting
  readonly #all: CollectedBytes
  #collecting = 0
  #leaving = 0
  #kept = 0
  /** Whether the collected epoch was asked to end. */
  #isCutting = false
  #isClosed = false

  constructor(all: CollectedBytes, owner: Collecting) {
    this.#all = all
    this.owner = owner
  }

  /** Bytes of the collected epoch if it can be asked to end, else 0. */
  get cuttable(): number {
    const { isReplaying, isWaiting } = this.owner
    return this.#isCutting || isReplaying || isWaiting ? 0 : this.#collecting
  }

  /** Whether bytes of this partition will be sent without another cut, and soon. */
  get isEasing(): boolean {
    return (this.#isCutting || this.#leaving > 0) && !this.owner.isWaiting
  }

  /** Sets the bytes of the collected epoch. Returns a promise only when the next row must wait. */
  collected(bytes: number): undefined | Promise<void> {
    if (this.#isClosed) return undefined
    const more = bytes - this.#collecting
    this.#collecting = bytes
    this.#all.moved(more)
    return this.#all.room(this)
  }

  cut(): void {
    this.#isCutting = true
    this.owner.cut()
  }

  /** An epoch of `bytes` begins to be written. The epoch that is collected now has `collecting` bytes. */
  begin(bytes: number, collecting: number): void {
    if (this.#isClosed) return
    const more = bytes + collecting - this.#collecting
    this.#collecting = collecting
    this.#leaving += bytes
    this.#settle()
    this.#all.moved(more)
  }

  /** These bytes have been sent. */
  left(bytes: number): void {
    if (this.#isClosed) return
    this.#leaving -= bytes
    this.#all.moved(-bytes)
  }

  /** Rows have been sent. Their messages, of these bytes, are kept until `committed`. */
  keep(bytes: number): void {
    if (this.#isClosed) return
    this.#leaving -= bytes
    this.#kept += bytes
    this.#all.wake()
  }

  /** The rows of kept messages are committed. */
  committed(bytes: number): void {
    if (this.#isClosed) return
    this.#kept -= bytes
    this.#all.moved(-bytes)
  }

  /** The partition begins or ends to wait for `on_bad_row`. */
  waits(): void {
    if (!this.#isClosed) this.#all.wake()
  }

  /** Removes the bytes of this partition from the count. */
  close(): void {
    if (this.#isClosed) return
    this.#settle()
    this.#isClosed = true
    this.#all.drop(this)
    this.#all.moved(-this.#collecting - this.#leaving - this.#kept)
    this.#collecting = 0
    this.#leaving = 0
    this.#kept = 0
  }

  #settle(): void {
    this.#isCutting = false
    this.#all.giveTurnBack(this)
  }
}

/**
 * Keeps the bytes of all partitions of a process within one limit. Bytes count from the moment when their row is collected until
 * they are sent. If the limit is exceeded, the largest epoch is ended early, and rows wait.
 */
export class CollectedBytes {
  readonly #most: number
  readonly #shares = new Set<Share>()
  #bytes = 0
  /** The replay that may exceed the limit. */
  #turn: Share | undefined
  #waiters: (() => void)[] = []

  constructor(most: number) {
    this.#most = most
  }

  get bytes(): number {
    return this.#bytes
  }

  open(owner: Collecting): Share {
    const share = new Share(this, owner)
    this.#shares.add(share)
    return share
  }

  drop(share: Share): void {
    this.#shares.delete(share)
    // Its own rows must not wait any longer.
    this.wake()
  }

  giveTurnBack(share: Share): void {
    if (this.#turn !== share) return
    this.#turn = undefined
    this.wake()
  }

  moved(bytes: number): void {
    this.#bytes += bytes
    if (bytes < 0) this.wake()
  }

  /** Returns a promise only while the limit is exceeded. */
  room(share: Share): undefined | Promise<void> {
    return this.#mayGoOn(share) ? undefined : this.#roomAgain(share)
  }

  async #roomAgain(share: Share): Promise<void> {
    while (this.#shares.has(share) && !this.#mayGoOn(share))
      await new Promise<void>(resolve => this.#waiters.push(resolve))
  }

  #mayGoOn(share: Share): boolean {
    if (this.#bytes <= this.#most) return true
    if (!this.#isEasing) this.#largest()?.cut()
    // An incomplete replay makes no room by itself, so one at a time continues. Any other partition makes room when its rows
    // are sent or committed, and could keep a turn for ever while it gets no messages.
    if (this.#isEasing || !share.owner.isReplaying) return false
    this.#turn ??= share
    return this.#turn === share
  }

  get #isEasing(): boolean {
    for (const { isEasing } of this.#shares) if (isEasing) return true
    return false
  }

  wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #largest(): Share | undefined {
    let largest: Share | undefined
    for (const share of this.#shares) if (share.cuttable > (largest?.cuttable ?? 0)) largest = share
    return largest
  }
}
