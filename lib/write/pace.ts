/** After a pause, the rows of this many milliseconds may be sent at once. */
const BURST_MS = 50

/** Flushes per second. A request therefore has at most the rows of a tenth of a second. */
const FLUSHES = 10

/** Limits the rows per second, and spreads them evenly. */
export class Pace {
  readonly #row_ms: number
  readonly #now: () => number
  #due = 0

  /** @param now milliseconds of a steady clock */
  constructor(rows_per_second: number, now: () => number = () => performance.now()) {
    this.#row_ms = 1000 / rows_per_second
    this.#now = now
  }

  /** Milliseconds until the next rows may be sent. 0 if they may be sent now. */
  get wait_ms(): number {
    return Math.max(0, this.#due - this.#now())
  }

  /** Records that rows are sent. */
  left(rows: number): void {
    this.#due = Math.max(this.#due, this.#now() - BURST_MS) + rows * this.#row_ms
  }
}

/** Maximum number of rows of one flush at this pace. */
export function rowsPerFlush(rows_per_batch: number, rows_per_second: number | undefined): number {
  if (rows_per_second === undefined) return rows_per_batch
  return Math.min(rows_per_batch, Math.ceil(rows_per_second / FLUSHES))
}
