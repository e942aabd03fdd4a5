/** A correction of the steady clock, from an arrival on. Both in microseconds. */
interface Correction {
  readonly from: number
  readonly value: number
}

/** Corrections that are remembered: an early row is stamped by the one that held when it came. */
const MOST_CORRECTIONS = 16

/**
 * The order in which rows reach this process: microseconds of a steady clock, strictly rising. Steps of the system clock
 * do not reach it.
 */
export class Arrivals {
  readonly #now: () => number
  #last = 0

  /** @param now microseconds of a steady clock */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Microseconds of the steady clock. */
  now(): number {
    return Math.floor(this.#now())
  }

  /**
   * The first of `count` microseconds that are now taken. The last one is the current microsecond unless an earlier row
   * has it, so rows run ahead of the clock only when they come faster than it ticks.
   */
  next(count: number): number {
    const first = Math.max(this.now() - count + 1, this.#last + 1)
    this.#last = first + count - 1
    return first
  }
}

/**
 * Write times for one cluster, in microseconds since 1970 and strictly rising, so that arrival order is what Cassandra
 * keeps. They follow the cluster's clock: a row that carries a later time than the cluster's own would hide what others
 * write until then.
 */
export class OrderClock {
  readonly #arrivals: Arrivals
  #corrections: readonly Correction[] = [{ from: Number.NEGATIVE_INFINITY, value: 0 }]
  #last = 0

  constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals
  }

  /** The cluster's clock, as far as it is known. */
  now(): number {
    return this.#arrivals.now() + this.correction
  }

  /** Microseconds from the steady clock to the cluster's. */
  get correction(): number {
    return this.#corrections.at(-1)?.value ?? 0
  }

  /** The first of `count` write times that are now taken. */
  next(count = 1): number {
    const first = Math.max(this.#arrivals.next(count) + this.correction, this.#last + 1)
    this.#last = first + count - 1
    return first
  }

  /**
   * The write time of a row that came before its cluster was known.
   * @param arrival as {@link Arrivals.next} gave it
   */
  at(arrival: number): number {
    const timestamp = arrival + (this.#corrections.findLast(({ from }) => from <= arrival)?.value ?? 0)
    this.#last = Math.max(this.#last, timestamp)
    return timestamp
  }

  /** Makes every later write time greater than `timestamp`. */
  advance(timestamp: number): void {
    this.#last = Math.max(this.#last, timestamp)
  }

  /**
   * Moves the clock for rows that come from now on. When it moves back, write times go on from the last one, and rows
   * wait until the clock has caught up.
   */
  correct(value: number): void {
    if (value === this.correction) return
    const isFirst = this.#corrections.length === 1 && this.#last === 0
    const from = isFirst ? Number.NEGATIVE_INFINITY : this.#arrivals.now()
    this.#corrections = [...(isFirst ? [] : this.#corrections), { from, value }].slice(-MOST_CORRECTIONS)
  }

  /** Whether some write time that was given has not come yet. */
  get isAhead(): boolean {
    return this.#last > this.now()
  }
}
