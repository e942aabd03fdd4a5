/** Maximum number of microseconds by which the write time of a message may be later than its timestamp. */
const MOST_AHEAD = 1_000_000

/**
 * Turns the timestamps of messages, in milliseconds, into write times in microseconds. The write time of a message is its
 * timestamp. Exception: if the previous write time is equal, or later by less than a second, it is the previous write time plus
 * one microsecond.
 *
 * So a million messages with one timestamp keep the order of their offsets. So do messages whose timestamps go back by less than
 * a second. A message with a timestamp far in the future does not change the write times after it, and neither does one whose
 * timestamp is no possible time, such as -1 or a time in microseconds.
 */
export class WriteTimes {
  #last: number

  /** @param last write time of the message before, -1 for none */
  constructor(last = -1) {
    this.#last = last
  }

  /** Write time of the last message with a possible timestamp. */
  get last(): number {
    return this.#last
  }

  /** @param timestamp milliseconds since 1970 */
  of(timestamp: number): number {
    const own = timestamp * 1000
    if (own < 0 || !Number.isSafeInteger(own)) return own
    this.#last = own <= this.#last && this.#last < own + MOST_AHEAD ? this.#last + 1 : own
    return this.#last
  }
}
