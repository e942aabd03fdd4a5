/** One page of an answer as its bytes. */
export interface RawPage {
  readonly bytes: Buffer
  /** Offset of the first row. */
  readonly start: number
  /** Number of rows. */
  readonly length: number
  /** Ends the use of `bytes`, all of whose rows are decoded. The last one is kept: it is from `from` to `to`. */
  release?(from: number, to: number): void
  /** The last row alone, after `release()`. */
  readonly lastRow?: RawPage | undefined
}

/** A page with its size. */
export type SizedPage = RawPage & {
  /** Bytes of the rows, with a small overhead. */
  readonly size: number
}

/** A page whose memory another page uses afterwards. */
export class ReusedPage implements SizedPage {
  readonly start: number
  readonly length: number
  readonly size: number
  readonly #giveBack: (bytes: Buffer) => void
  #bytes: Buffer | undefined
  #lastRow: RawPage | undefined

  constructor({ bytes, start, length, size }: SizedPage, giveBack: (bytes: Buffer) => void) {
    this.#bytes = bytes
    this.start = start
    this.length = length
    this.size = size
    this.#giveBack = giveBack
  }

  get bytes(): Buffer {
    if (this.#bytes === undefined) throw new Error('The bytes of this page were released')
    return this.#bytes
  }

  get lastRow(): RawPage | undefined {
    return this.#lastRow
  }

  release(from: number, to: number): void {
    const { bytes } = this
    this.#lastRow = { bytes: Buffer.from(bytes.subarray(from, to)), start: 0, length: 1 }
    this.#bytes = undefined
    this.#giveBack(bytes)
  }
}
