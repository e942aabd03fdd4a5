/** Messages of one partition that were pushed. */
export interface Pushed {
  /** Takes more messages, if it may. */
  roomAgain(): void
}

/** Bytes of the pushed messages of all partitions that are not yet taken. */
export class PushedBytes {
  readonly #most: number
  readonly #all = new Set<Pushed>()
  #bytes = 0

  constructor(most: number) {
    this.#most = most
  }

  get isFull(): boolean {
    return this.#bytes >= this.#most
  }

  join(pushed: Pushed): void {
    this.#all.add(pushed)
  }

  leave(pushed: Pushed): void {
    this.#all.delete(pushed)
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
    for (const pushed of this.#all) pushed.roomAgain()
  }
}
