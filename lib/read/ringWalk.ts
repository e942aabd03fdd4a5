import { RING, type TokenRange } from './tokenRanges.ts'

/** How much of a page the rows of a part should fill: one that needs a second page costs a second request. */
const SHARE_OF_PAGE = 0.8

/** How many times as wide, or as narrow, as the part before a part may be. */
const MOST_GROWTH = 4
const MOST_SHRINKING = 16

/**
 * Walks the ring in the order of its tokens, in parts of about one page each: in this order, one part in many pages
 * would keep the others waiting. How many rows are in how many tokens, the parts before tell.
 */
export class RingWalk {
  readonly #ranges: readonly TokenRange[]
  readonly #above: bigint | undefined
  #width: bigint

  /**
   * @param ranges in the order of their tokens
   * @param splits parts of the ring, by the first guess
   * @param above only partitions with higher tokens
   */
  constructor(ranges: readonly TokenRange[], splits: number, above: bigint | undefined) {
    this.#ranges = ranges
    this.#above = above
    this.#width = RING / BigInt(splits) + 1n
  }

  *parts(): Generator<TokenRange, void, undefined> {
    for (const range of this.#ranges) {
      let start = range.start
      if (this.#above !== undefined && this.#above > start) start = this.#above
      while (start < range.end) {
        let end = start + this.#width
        if (end > range.end) end = range.end
        yield { start, end }
        start = end
      }
    }
  }

  /**
   * @param rows in the part
   * @param pageRows that a page may have
   */
  learn({ start, end }: TokenRange, rows: number, pageRows: number): void {
    const growth = rows === 0 ? MOST_GROWTH : (pageRows * SHARE_OF_PAGE) / rows
    const bounded = Math.max(1 / MOST_SHRINKING, Math.min(MOST_GROWTH, growth))
    const width = ((end - start) * BigInt(Math.round(bounded * 1000))) / 1000n
    this.#width = width > 0n ? width : 1n
  }
}
