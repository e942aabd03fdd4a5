/**
 * Write timestamps in microseconds since 1970, strictly rising, so that arrival order is what Cassandra keeps.
 * When the system clock steps back, counting goes on from the last one given.
 */
export class OrderClock {
  readonly #now: () => number
  #last = 0
  /** By how much reservations have moved up. */
  #moved = 0
  #isUsed = false

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** The first of `count` timestamps that are now taken. */
  next(count = 1): number {
    this.#isUsed = true
    return this.#take(count)
  }

  /**
   * Takes timestamps for a row that cannot be stamped yet, and so keeps its place in the order. The result tells the
   * first of them, once the row is stamped.
   */
  reserve(count: number): () => number {
    const first = this.#take(count) - this.#moved
    return () => {
      this.#isUsed = true
      return first + this.#moved
    }
  }

  /**
   * Makes every later timestamp greater than `timestamp`, in microseconds. As long as none is in use, those that are
   * reserved move up with it.
   */
  advance(timestamp: number): void {
    if (timestamp <= this.#last) return
    if (!this.#isUsed) this.#moved += timestamp - this.#last
    this.#last = timestamp
  }

  #take(count: number): number {
    const first = Math.max(this.#now() * 1000, this.#last + 1)
    this.#last = first + count - 1
    return first
  }
}

const shared = Symbol.for('cassandra-streams.orderClock')

/** One clock for the process, also between two copies of this package, so that two sinks on a table stay in order. */
export function processClock(): OrderClock {
  const registry = globalThis as { [shared]?: OrderClock }
  registry[shared] ??= new OrderClock()
  return registry[shared]
}
