/** What is asked of a partition whose rows are counted. */
export interface Collecting {
  /** Ends its epoch as soon as that may be, so that the rows leave. */
  cut(): void
  /** Whether it cannot: a replay has to be as long as it was. */
  readonly isReplaying: boolean
}

/** The encoded bytes of one partition that have not left. */
export class Share {
  readonly owner: Collecting
  readonly #all: CollectedBytes
  #collecting = 0
  #leaving = 0
  /** Its epoch was asked to end. */
  #isCutting = false
  #isClosed = false

  constructor(all: CollectedBytes, owner: Collecting) {
    this.#all = all
    this.owner = owner
  }

  /** Bytes of the epoch that is collected, while it can be ended. */
  get cuttable(): number {
    return this.#isCutting || this.owner.isReplaying ? 0 : this.#collecting
  }

  /** Its epoch has so many bytes by now. Returns a promise only when the next row must wait. */
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

  /** An epoch of so many bytes is on its way, and another one is collected. */
  begin(bytes: number, collecting: number): void {
    if (this.#isClosed) return
    this.#settle()
    this.#all.moved(bytes + collecting - this.#collecting, bytes)
    this.#collecting = collecting
    this.#leaving += bytes
  }

  /** So many bytes have left. */
  left(bytes: number): void {
    if (this.#isClosed) return
    this.#leaving -= bytes
    this.#all.moved(-bytes, -bytes)
  }

  /** Nothing of it is kept any more. */
  close(): void {
    if (this.#isClosed) return
    this.#settle()
    this.#isClosed = true
    this.#all.drop(this)
    this.#all.moved(-this.#collecting - this.#leaving, -this.#leaving)
    this.#collecting = 0
    this.#leaving = 0
  }

  #settle(): void {
    if (this.#isCutting) this.#all.cuts--
    this.#isCutting = false
    this.#all.giveTurnBack(this)
  }
}

/** The bytes of epochs that are collected or about to leave, of all partitions of a process, within one bound. */
export class CollectedBytes {
  /** Epochs that were asked to end and have not begun to leave. */
  cuts = 0
  readonly #most: number
  readonly #shares = new Set<Share>()
  #bytes = 0
  #leaving = 0
  /** Who may exceed the bound. */
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
    // Whoever waits for it waits no longer.
    this.#wake()
  }

  giveTurnBack(share: Share): void {
    if (this.#turn === share) this.#turn = undefined
  }

  /** There are so many bytes more, and so many more of them are on their way. */
  moved(bytes: number, leaving: number): void {
    this.#bytes += bytes
    this.#leaving += leaving
    if (bytes < 0) this.#wake()
  }

  /** A promise only while there are too many bytes. */
  room(share: Share): undefined | Promise<void> {
    if (this.#bytes <= this.#most) return undefined
    if (this.#leaving === 0 && this.cuts === 0) this.#largest()?.cut()
    return this.#mayGoOn(share) ? undefined : this.#roomAgain(share)
  }

  async #roomAgain(share: Share): Promise<void> {
    while (this.#shares.has(share) && !this.#mayGoOn(share))
      await new Promise<void>(resolve => this.#waiters.push(resolve))
  }

  #mayGoOn(share: Share): boolean {
    if (this.#bytes <= this.#most) return true
    if (this.#leaving > 0 || this.cuts > 0) return false
    // Nothing makes room any more, as where all collect epochs again that have to be whole: one of them at a time goes on.
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
