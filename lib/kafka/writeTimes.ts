/** How far the write time of a message may be ahead of its own time, in microseconds. */
const MOST_AHEAD = 1_000_000

/**
 * Turns the milliseconds of messages into microseconds that tell their order: a message gets its own time, or one
 * microsecond after the write time of the message before where that is in the same millisecond, or up to a second ahead.
 * So a million messages per millisecond keep their order, messages whose time goes back by less than a second have the order
 * of their offsets, and one with a time far ahead does not move those after it.
 */
export class WriteTimes {
  #last: number

  /** @param last write time of the message before, -1 for none */
  constructor(last = -1) {
    this.#last = last
  }

  /** Write time of the message before. */
  get last(): number {
    return this.#last
  }

  /** @param timestamp milliseconds since 1970 */
  of(timestamp: number): number {
    const own = timestamp * 1000
    this.#last = own <= this.#last && this.#last < own + MOST_AHEAD ? this.#last + 1 : own
    return this.#last
  }
}
