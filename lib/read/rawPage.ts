import type { PageBuffers } from './pageBuffers.ts'

/** A page with a larger last row is not released. A copy of that row would cost more than new memory for the next page. */
const MOST_ROW_BYTES = 65_536

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
  readonly #buffers: Pick<PageBuffers, 'giveBack'>
  #bytes: Buffer | undefined
  #lastRow: RawPage | undefined

  constructor({ bytes, start, length, size }: SizedPage, buffers: Pick<PageBuffers, 'giveBack'>) {
    this.#bytes = bytes
    this.start = start
    this.length = length
    this.size = size
    this.#buffers = buffers
  }

  get bytes(): Buffer {
    if (this.#bytes === undefined) throw new Error('The bytes of this page were released')
    return this.#bytes
  }

  get lastRow(): RawPage | undefined {
    return this.#lastRow
  }

  release(from: number, to: number): void {
    if (to - from > MOST_ROW_BYTES) return
    const { bytes } = this
    this.#lastRow = { bytes: Buffer.from(bytes.subarray(from, to)), start: 0, length: 1 }
    this.#bytes = undefined
    this.#buffers.giveBack(bytes)
  }
}
