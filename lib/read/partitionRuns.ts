import { LENGTH_BYTES } from './cells.ts'
import type { RawPage } from './rawPage.ts'

/**
 * Counts the rows per partition by their keys. The rows of a partition are consecutive, over any number of pages, so only the
 * key of the last row is kept.
 */
export class PartitionRuns {
  readonly #columns: number
  readonly #found: (key: Buffer, rows: number) => void
  /** Bytes of a page that start with the key of the last row. */
  #slab = Buffer.alloc(64)
  #size = 0
  /** Rows of the last partition so far. */
  #run = 0
  #rows = 0
  #partitions = 0

  /**
   * @param columns of the partition key. The pages have no others
   * @param found called per partition when its last row is counted. `key` is valid only during the call
   */
  constructor(columns: number, found: (key: Buffer, rows: number) => void) {
    this.#columns = columns
    this.#found = found
  }

  /** Counts of the partitions that are complete. */
  get rows(): number {
    return this.#rows
  }

  get partitions(): number {
    return this.#partitions
  }

  /**
   * The next page of the same range, which is released.
   * @throws RangeError when the page ends before its last row
   */
  add(page: RawPage): void {
    const { bytes, start, length } = page
    let last = start
    let at = start
    for (let row = 0; row < length; row++) {
      last = at
      if (this.#isLastAt(bytes, at)) at += this.#size
      else {
        const end = this.#endOfRow(bytes, at)
        this.end()
        this.#keep(bytes, at, end)
        at = end
      }
      this.#run++
    }
    if (length > 0) page.release?.(last, at)
  }

  /** Ends the last partition. */
  end(): void {
    if (this.#run === 0) return
    this.#rows += this.#run
    this.#partitions++
    this.#found(this.#slab.subarray(0, this.#size), this.#run)
    this.#run = 0
  }

  /** Whether the key of the last row comes again. Each value has its length before it, so no key is a prefix of another. */
  #isLastAt(bytes: Buffer, at: number): boolean {
    const end = at + this.#size
    if (this.#run === 0 || end > bytes.length) return false
    return bytes.compare(this.#slab, 0, this.#size, at, end) === 0
  }

  #endOfRow(bytes: Buffer, start: number): number {
    let at = start
    for (let column = 0; column < this.#columns; column++) at += LENGTH_BYTES + bytes.readInt32BE(at)
    if (at > bytes.length) throw new RangeError('A page ends before its last row')
    return at
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#size = end - start
    if (this.#size > this.#slab.length) this.#slab = Buffer.alloc(2 * this.#size)
    bytes.copy(this.#slab, 0, start, end)
  }
}
