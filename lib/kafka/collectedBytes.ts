/** A partition whose collected bytes are counted. */
export interface Collecting {
  /** Ends its epoch as soon as possible, so that the rows are sent. */
  cut(): void
  /** Whether the epoch is a replay, which cannot end early. */
  readonly isReplaying: boolean
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
    return this.#isCutting || this.owner.isReplaying ? 0 : this.#collecting
  }

  /** Sets the bytes of the collected epoch. Returns a promise only when the next row must wait. */
  collected(bytes: number): undefined | Promise<void> {
    if (this.#isClosed) return undefined
    this.#all.moved(bytes - this.#collecting, 0)
    this.#collecting = bytes
    return this.#all.room(this)
  }

  cut(): void {
    this.#isCutting = true
    this.#all.cuts++
    this.owner.cut()
  }

  /** An epoch of `bytes` begins to be written. The epoch that is collected now has `collecting` bytes. */
  begin(bytes: number, collecting: number): void {
    if (this.#isClosed) return
    this.#settle()
    this.#all.moved(bytes + collecting - this.#collecting, bytes)
    this.#collecting = collecting
    this.#leaving += bytes
  }

  /** These bytes have been sent. */
  left(bytes: number): void {
    if (this.#isClosed) return
    this.#leaving -= bytes
    this.#all.moved(-bytes, -bytes)
  }

  /** Rows have been sent. Their messages, of these bytes, are kept until `committed`. */
  keep(bytes: number): void {
    if (this.#isClosed) return
    this.#leaving -= bytes
    this.#kept += bytes
    this.#all.moved(0, -bytes)
  }

  /** The rows of kept messages are committed. */
  committed(bytes: number): void {
    if (this.#isClosed) return
    this.#kept -= bytes
    this.#all.moved(-bytes, 0)
  }

  /** Removes the bytes of this partition from the count. */
  close(): void {
    if (this.#isClosed) return
    this.#settle()
    this.#isClosed = true
    this.#all.drop(this)
    this.#all.moved(-this.#collecting - this.#leaving - this.#kept, -this.#leaving)
    this.#collecting = 0
    this.#leaving = 0
    this.#kept = 0
  }

  #settle(): void {
    if (this.#isCutting) this.#all.cuts--
    this.#isCutting = false
    this.#all.giveTurnBack(this)
  }
}

/**
 * Keeps the bytes of all partitions of a process within one limit. Bytes count from the moment when their row is collected until
 * they are sent. If the limit is exceeded, the largest epoch is ended early, and rows wait.
 */
export class CollectedBytes {
  /** Epochs that were asked to end and have not begun to be written. */
  cuts = 0
  readonly #most: number
  readonly #shares = new Set<Share>()
  #bytes = 0
  #leaving = 0
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
    this.#wake()
  }

  giveTurnBack(share: Share): void {
    if (this.#turn !== share) return
    this.#turn = undefined
    this.#wake()
  }

  /** Adds to the bytes, and to the part of them whose epochs are being written. */
  moved(bytes: number, leaving: number): void {
    this.#bytes += bytes
    this.#leaving += leaving
    if (bytes < 0 || leaving < 0) this.#wake()
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
    if (this.#leaving === 0 && this.cuts === 0) this.#largest()?.cut()
    // An incomplete replay makes no room by itself, so one at a time continues. Any other partition makes room when its rows
    // are sent or committed, and could keep a turn for ever while it gets no messages.
    if (this.#leaving > 0 || this.cuts > 0 || !share.owner.isReplaying) return false
    this.#turn ??= share
    return this.#turn === share
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve()
  }

  #largest(): Share | undefined {
    let largest: Share | undefined
    for (const share of this.#shares) if (share.cuttable > (largest?.cuttable ?? 0)) largest = share
    return largest
  }
}
