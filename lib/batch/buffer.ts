import { type EncodedRow, heldBytesOf } from '../row/encodedRow.ts'
import type { BufferedBytes } from './bufferedBytes.ts'

/** Rows of one table that wait for a flush: bounded by count and, together with those of other tables, by bytes. */
export class RowBuffer {
  readonly #mostRows: number
  readonly #buffered: BufferedBytes
  readonly #flush: () => void
  #rows: EncodedRow[] = []
  #bytes = 0

  /** @param flush empties the buffer; called when the buffers of all tables together have too many bytes */
  constructor(mostRows: number, buffered: BufferedBytes, flush: () => void) {
    this.#mostRows = mostRows
    this.#buffered = buffered
    this.#flush = flush
  }

  get isFull(): boolean {
    return this.#rows.length >= this.#mostRows
  }

  get rows(): readonly EncodedRow[] {
    return this.#rows
  }

  push(row: EncodedRow): void {
    const bytes = heldBytesOf(row)
    this.#rows.push(row)
    this.#bytes += bytes
    if (this.#rows.length === 1) this.#buffered.filled(this.#flush)
    this.#buffered.add(bytes)
  }

  /** Empties the buffer. */
  drain(): EncodedRow[] {
    const rows = this.#rows
    this.#buffered.emptied(this.#flush, this.#bytes)
    this.#rows = []
    this.#bytes = 0
    return rows
  }
}
