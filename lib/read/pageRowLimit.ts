import type { Page } from './pageReader.ts'

/** Rows of the first page, which shows how large rows are. */
const FIRST_ROWS = 32

/** Largest factor from the rows of one page to those of the next. */
const MOST_GROWTH = 4

/** Wanted bytes per page: enough to be worth a request, and few enough that several pages fit into memory. */
const PAGE_BYTES = 2 * 1024 * 1024

/** Maximum number of rows of a page that the driver decodes, so that its bytes are not known. */
const UNSIZED_ROWS = 500

/**
 * Factors of the rows that a page may have: after failures, and after a page that came at the first try. If only small pages come,
 * two dozen pages pass between two failures in a row.
 */
const SHRINKING = 1 / 4
const RECOVERY = 17 / 16

/** How many rows a page may have, by the pages before. */
export class PageRowLimit {
  readonly #most: number
  /** Bytes per row, by the pages so far. Undefined before the first page. */
  #rowBytes: number | undefined
  #mostRows = FIRST_ROWS
  /** Rows that a page may have after pages that took too long or failed, for example because of too many tombstones. */
  #possibleRows = Number.POSITIVE_INFINITY
  /** Whether there was a failure after the last page that came at the first try. */
  #hasFailed = false

  /** @param most rows of any page */
  constructor(most: number) {
    this.#most = most
  }

  /** Rows that the next page may have. */
  get rows(): number {
    const fitting = this.#rowBytes === undefined ? FIRST_ROWS : Math.floor(PAGE_BYTES / this.#rowBytes)
    const possible = Math.floor(this.#possibleRows)
    return Math.max(1, Math.min(this.#most, fitting, this.#mostRows, possible))
  }

  /** Adapts the limit to a page, which is the only measure of the rows to come. */
  learn({ rows: { length }, size }: Page): void {
    if (length === 0) return
    this.#mostRows = Math.max(this.#mostRows, MOST_GROWTH * length)
    const bytes = size === 0 ? PAGE_BYTES / UNSIZED_ROWS : size / length
    const before = this.#rowBytes ?? bytes
    // Larger rows count at once, smaller ones gradually.
    this.#rowBytes = bytes > before ? bytes : (7 * before + bytes) / 8
  }

  /** After a page that came at the first try. */
  recover(): void {
    this.#hasFailed = false
    this.#possibleRows *= RECOVERY
  }

  /**
   * After faults, if pages may have this number of rows.
   * @param faults of the page. A fault among pages of the same size is not due to their size
   */
  mayHave(rows: number, faults: number): void {
    if (this.#hasFailed || faults > 1) this.#possibleRows = Math.min(this.#possibleRows, rows)
    this.#hasFailed = true
  }
}

/** The rows of the next attempt at a page that was too large. */
export function fewerRows(rows: number): number {
  return Math.max(1, Math.ceil(rows * SHRINKING))
}
