import { byteLengthOf, type EncodedRow } from '../row/encodedRow.ts'

/** Rows waiting for a flush, bounded by count and by bytes. */
export class RowBuffer {
  readonly #maxRows: number
  readonly #maxBytes: number
  #rows: EncodedRow[] = []
  #bytes = 0

  constructor(maxRows: number, maxBytes: number) {
    this.#maxRows = maxRows
    this.#maxBytes = maxBytes
  }

  get isFull(): boolean {
    return this.#rows.length >= this.#maxRows || this.#bytes >= this.#maxBytes
  }

  push(row: EncodedRow): void {
    this.#rows.push(row)
    this.#bytes += byteLengthOf(row)
  }

  /** Empties the buffer. */
  drain(): EncodedRow[] {
    const rows = this.#rows
    this.#rows = []
    this.#bytes = 0
    return rows
  }
}
