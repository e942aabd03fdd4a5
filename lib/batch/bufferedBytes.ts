/** The bytes in the buffers of all tables on one connection. */
export class BufferedBytes {
  readonly #most: number
  /** One per buffer that holds something. */
  readonly #flushes = new Set<() => void>()
  #bytes = 0

  /** @param most bytes at which all buffers are flushed */
  constructor(most: number) {
    this.#most = most
  }

  get isFull(): boolean {
    return this.#bytes >= this.#most
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  /** Registers a buffer that holds something, with the function that flushes it. */
  filled(flush: () => void): void {
    this.#flushes.add(flush)
  }

  emptied(flush: () => void, bytes: number): void {
    this.#flushes.delete(flush)
    this.#bytes -= bytes
  }

  /** Flushes each buffer that holds something. */
  flush(): void {
    for (const flush of this.#flushes) flush()
  }
}
