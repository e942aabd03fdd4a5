import { setTimeout as delay } from 'node:timers/promises'
import { LIST_TIMESTAMPS } from '../row/using.ts'

/** A correction of the steady clock for rows that arrive after it. All in microseconds. */
interface Correction {
  readonly from: number
  readonly value: number
  /** Excess of the previous correction over this one. It is taken back slowly, so that write times keep rising. */
  readonly excess: number
}

/** Corrections that are remembered, because an early row is stamped by the one at its arrival. */
const MOST_CORRECTIONS = 256

/** Longest sleep in milliseconds, because a correction may move the clock forward in between. */
const SLEEP_MS = 250

/** Microseconds that pass per microsecond of excess that is taken back. */
const SLEW = 2

/**
 * The order in which rows reach this process: strictly rising microseconds of a steady clock. Steps of the system clock do not
 * affect it.
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

  /** The earliest microsecond for the next row. */
  reached(): number {
    return Math.max(this.now(), this.#last + 1)
  }

  /**
   * The place of a row that comes before its cluster is known. It has room for a row with a list, and for a clock that is
   * taking a correction back.
   */
  early(): number {
    return this.next(LIST_TIMESTAMPS, SLEW)
  }

  /**
   * Takes `count` microseconds and returns the first. The last one is the current microsecond unless an earlier row has it, so
   * rows run ahead of the clock only if they come faster than it ticks. Each takes at least {@link SLEW}, so that two rows
   * differ even while a correction is taken back.
   *
   * @param spread microseconds per place, and before the first: {@link SLEW} while a correction is taken back
   */
  next(count: number, spread = 1): number {
    const width = count * spread
    this.#last = Math.max(this.now(), this.#last + Math.max(width + spread - 1, SLEW))
    return this.#last - width + 1
  }
}

/**
 * Strictly rising write times for one cluster, in microseconds since 1970, so that Cassandra keeps arrival order. They follow
 * the cluster's clock: a row with a later time would hide what others write until then.
 */
export class OrderClock {
  readonly #arrivals: Arrivals
  #corrections: readonly Correction[] = [{ from: Number.NEGATIVE_INFINITY, value: 0, excess: 0 }]
  #last = 0
  /** The latest time that the clock had before it was corrected backwards. Rows with it may be stored. */
  #highest = 0

  constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals
  }

  /** The cluster's clock, as precisely as it is known. */
  now(): number {
    return this.#arrivals.now() + this.correction
  }

  /** Microseconds from the steady clock to the cluster's. */
  get correction(): number {
    return this.#corrections.at(-1)?.value ?? 0
  }

  /** Takes `count` write times and returns the first. */
  next(count = 1): number {
    const spread = this.#isTakingBack ? SLEW : 1
    const first = Math.max(this.#at(this.#arrivals.next(count, spread)), this.#last + 1)
    this.#last = first + count - 1
    return first
  }

  /**
   * The write time of a row that came before its cluster was known.
   * @param arrival as {@link Arrivals.next} gave it
   */
  at(arrival: number): number {
    const timestamp = this.#at(arrival)
    this.#last = Math.max(this.#last, timestamp)
    return timestamp
  }

  get #isTakingBack(): boolean {
    const { from, excess } = this.#corrections[this.#corrections.length - 1] as Correction
    return excess > 0 && this.#arrivals.reached() - from < excess * SLEW
  }

  /** Rises with the arrival under any corrections. */
  #at(arrival: number): number {
    const { from, value, excess } = this.#correctionAt(arrival)
    const left = excess === 0 ? 0 : Math.max(0, Math.ceil(excess - (arrival - from) / SLEW))
    return arrival + value + left
  }

  /** Makes every later write time greater than `timestamp`. */
  advance(timestamp: number): void {
    this.#last = Math.max(this.#last, timestamp)
  }

  #correctionAt(arrival: number): Correction {
    // Nearly always the last one. Searched from the end, because each row asks.
    let i = this.#corrections.length - 1
    while (i > 0 && (this.#corrections[i] as Correction).from > arrival) i--
    return this.#corrections[i] as Correction
  }

  /**
   * Moves the clock for later rows. When it moves back, write times rise at half the speed until the clock has caught up, and
   * rows wait for their write time.
   */
  correct(value: number): void {
    if (value === this.correction) return
    // No row has left with a later write time, because rows wait until theirs has come.
    this.#highest = Math.max(this.#highest, Math.min(this.#last, this.now()))
    if (this.#corrections.length === 1 && this.#last === 0) {
      this.#corrections = [{ from: Number.NEGATIVE_INFINITY, value, excess: 0 }]
      return
    }
    const from = this.#arrivals.reached()
    const excess = Math.max(0, this.#at(from) - from - value)
    this.#corrections = [...this.#corrections, { from, value, excess }].slice(-MOST_CORRECTIONS)
  }

  /** Resolves when the clock has passed `timestamp`, in microseconds. Rejects when the signal aborts. */
  async passed(timestamp: number, signal: AbortSignal): Promise<void> {
    for (let left = timestamp - this.now(); left >= 0; left = timestamp - this.now()) {
      await delay(Math.min(Math.ceil((left + 1) / 1000), SLEEP_MS), undefined, { signal })
    }
  }

  /**
   * Resolves in the next millisecond of the clock. Other clients, and Cassandra itself, give write times in whole milliseconds,
   * so what they write from then on is later than all write times until now. Rejects when the signal aborts.
   */
  async nextMillisecond(signal: AbortSignal): Promise<void> {
    const reached = Math.max(this.now(), this.#highest)
    await this.passed(Math.floor(reached / 1000) * 1000 + 999, signal)
  }

  /** Whether a write time that was handed out lies in the future. */
  get isAhead(): boolean {
    return this.#last > this.now()
  }
}
