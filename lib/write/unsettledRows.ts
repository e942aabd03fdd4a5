import type { RowRange } from '../errors.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import { rangesOf } from './rowRanges.ts'

/** Unsettled rows in one place, such as a buffer. */
type Rows = () => Iterable<EncodedRow>

/** The unsettled rows of a table: not acknowledged and not set aside. Computes nothing until somebody asks. */
export class UnsettledRows {
  readonly #inFlight: Rows
  readonly #waiting: Rows
  readonly #dropped: number[] = []
  #leastDropped = Number.POSITIVE_INFINITY
  /** Number of rows, from the first, whose turn has come. */
  #taken = 0

  constructor(inFlight: Rows, waiting: Rows) {
    this.#inFlight = inFlight
    this.#waiting = waiting
  }

  /** Records that the turn of this row and of all before it has come. */
  took(index: number): void {
    this.#taken = index + 1
  }

  /** Records rows that are never sent. */
  drop(rows: Iterable<EncodedRow>): void {
    for (const { index } of rows) {
      this.#dropped.push(index)
      this.#leastDropped = Math.min(this.#leastDropped, index)
    }
  }

  /**
   * Number of rows at the start of the stream that are settled.
   * @param known the answer may be too small if it is not above this
   */
  settled(known: number): number {
    const oldest = leastOf(this.#inFlight(), Math.min(this.#taken, this.#leastDropped))
    // While a replica set is away, many rows may wait. Older rows are then in flight, so those are checked first.
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
