/** Bounds what is in flight, by requests and by bytes. Those who must wait are served in the order they came. */
export class Semaphore {
  readonly #maxPermits: () => number
  readonly #maxBytes: number
  readonly #waiting: Waiter[] = []
  #permits = 0
  #bytes = 0
  #closed: Error | undefined

  /** `maxPermits` is asked each time, since the bound may move. */
  constructor(maxPermits: () => number, maxBytes: number) {
    this.#maxPermits = maxPermits
    this.#maxBytes = maxBytes
  }

  /** Permits taken and not given back. */
  get taken(): number {
    return this.#permits
  }

  /** Takes a permit; returns a promise only when it must wait. A request alone may exceed the byte bound. */
  acquire(bytes: number): undefined | Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#take(bytes)
      return undefined
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject })
    })
  }

  /** Gives a permit back, with the bytes it was taken for. */
  release(bytes: number): void {
    this.#permits--
    this.#bytes -= bytes
    while (this.#waiting[0] !== undefined && this.#fits(this.#waiting[0].bytes)) {
      const waiter = this.#waiting.shift()
      if (waiter === undefined) return
      this.#take(waiter.bytes)
      waiter.resolve()
    }
  }

  /** Sends everybody who waits, now or later, away with `reason`. */
  close(reason: Error): void {
    this.#closed ??= reason
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#closed)
  }

  #fits(bytes: number): boolean {
    if (this.#permits === 0) return true
    return this.#permits < this.#maxPermits() && this.#bytes + bytes <= this.#maxBytes
  }

  #take(bytes: number): void {
    this.#permits++
    this.#bytes += bytes
  }
}

interface Waiter {
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (reason: Error) => void
}
