/**
 * Write timestamps in microseconds since 1970, strictly rising, so that arrival order is what Cassandra keeps.
 * When the system clock steps back, counting goes on from the last one given.
 */
export class OrderClock {
  readonly #now: () => number
  #last = 0

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** The first of `count` timestamps that are now taken. */
  next(count = 1): number {
    const first = Math.max(this.#now() * 1000, this.#last + 1)
    this.#last = first + count - 1
    return first
  }

  /** Makes every later timestamp greater than `timestamp`, in microseconds. */
  advance(timestamp: number): void {
    this.#last = Math.max(this.#last, timestamp)
  }
}

const shared = Symbol.for('cassandra-streams.orderClock')

/** One clock for the process, also between two copies of this package, so that two sinks on a table stay in order. */
export function processClock(): OrderClock {
  const registry = globalThis as { [shared]?: OrderClock }
  registry[shared] ??= new OrderClock()
  return registry[shared]
}
