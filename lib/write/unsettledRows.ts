import type { RowRange } from '../errors.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import { rangesOf } from './rowRanges.ts'

/** Rows of one kind that are not settled, such as those in a buffer. */
type Rows = () => Iterable<EncodedRow>

/** Which rows of a table are not settled: not acknowledged, and not set aside. Nothing is computed until somebody asks. */
export class UnsettledRows {
  readonly #inFlight: Rows
  readonly #waiting: Rows
  readonly #dropped: number[] = []
  /** Rows whose turn has come, from the first one on. */
  #taken = 0

  constructor(inFlight: Rows, waiting: Rows) {
    this.#inFlight = inFlight
    this.#waiting = waiting
  }

  /** The turn of a row has come, and of all before it. */
  took(index: number): void {
    this.#taken = index + 1
  }

  /** Rows that never leave. */
  drop(rows: Iterable<EncodedRow>): void {
    for (const { index } of rows) this.#dropped.push(index)
  }

  /**
   * Rows from the first one on that are settled.
   * @param known the answer may be too small where it is not above this
   */
  settled(known: number): number {
    const oldest = leastOf(this.#inFlight(), this.#taken)
    // Rows that wait may be many while a replica set is away, and what is older is in flight then.
    if (oldest <= known) return oldest
    return leastOf(this.#waiting(), oldest)
  }

  /** @param given rows that were given, whether or not their turn has come */
  ranges(given: number): RowRange[] {
    const indexes = [...this.#dropped]
    for (const rows of [this.#inFlight, this.#waiting]) for (const { index } of rows()) indexes.push(index)
    const ranges = rangesOf(indexes)
    if (given <= this.#taken) return ranges
    const last = ranges.at(-1)
    if (last?.to !== this.#taken - 1) return [...ranges, { from: this.#taken, to: given - 1 }]
    return [...ranges.slice(0, -1), { from: last.from, to: given - 1 }]
  }
}

function leastOf(rows: Iterable<EncodedRow>, most: number): number {
  let least = most
  for (const { index } of rows) least = Math.min(least, index)
  return least
}
