import type { RawPage } from './pageReader.ts'

const LENGTH_BYTES = 4

/**
 * Counts the rows of each partition by their keys. Rows of a partition come one after the other, in as many pages as it
 * takes, so only the key of the last row is kept.
 */
export class PartitionRuns {
  readonly #columns: number
  readonly #found: (key: Buffer, rows: number) => void
  /** Begins with the key of the last row, in the bytes of a page. */
  #slab = Buffer.alloc(64)
  #size = 0
  /** Rows of the last partition so far. */
  #run = 0
  #rows = 0
  #partitions = 0

  /**
   * @param columns of the partition key, which are all that the pages have
   * @param found is told each partition when its last row is counted; `key` holds only until it returns
   */
  constructor(columns: number, found: (key: Buffer, rows: number) => void) {
    this.#columns = columns
    this.#found = found
  }

  /** Of the partitions that are over. */
  get rows(): number {
    return this.#rows
  }

  get partitions(): number {
    return this.#partitions
  }

  /**
   * The next page of the same range.
   * @throws RangeError when the page ends before its last row
   */
  add({ bytes, start, length }: RawPage): void {
    let at = start
    for (let row = 0; row < length; row++) {
      if (this.#isLastAt(bytes, at)) at += this.#size
      else {
        const end = this.#endOfRow(bytes, at)
        this.end()
        this.#keep(bytes, at, end)
        at = end
      }
      this.#run++
    }
  }

  /** No row more comes of the last partition. */
  end(): void {
    if (this.#run === 0) return
    this.#rows += this.#run
    this.#partitions++
    this.#found(this.#slab.subarray(0, this.#size), this.#run)
    this.#run = 0
  }

  /** Whether the key of the last row comes again. Each value has its length before it, so no key begins with another. */
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
