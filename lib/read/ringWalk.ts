import { RING, type TokenRange } from './tokenRanges.ts'

/**
 * Pages that the rows of a part should fill. In token order, the other parts wait for the first one, so a part should fit into
 * one page. If ranges take turns, a part of several pages costs fewer requests per row.
 */
const PAGES_IN_ORDER = 0.8
const PAGES_IN_TURNS = 4

/** Largest factor between the widths of one part and the next. */
const MOST_GROWTH = 4
const MOST_SHRINKING = 16

/** Walks through a ring in parts of about equal numbers of rows, estimated from the parts before. */
export class RingWalk {
  readonly #ranges: readonly TokenRange[]
  readonly #inOrder: boolean
  #width: bigint
  /** Greatest width of a part, once a part was slow. It doubles with each part that was not. */
  #most: bigint = RING

  /**
   * @param ranges in the order of their tokens
   * @param splits first guess for the number of parts
   * @param inOrder whether parts come in token order. Otherwise ranges take turns, so that parallel reads are on different
   * nodes
   */
  constructor(ranges: readonly TokenRange[], splits: number, inOrder: boolean) {
    this.#ranges = ranges
    this.#inOrder = inOrder
    this.#width = RING / BigInt(splits) + 1n
  }

  *parts(): Generator<TokenRange, void, undefined> {
    if (this.#inOrder) {
      for (const range of this.#ranges) yield* this.#partsOf(range)
      return
    }
    let left = this.#ranges.map(range => this.#partsOf(range))
    while (left.length > 0) {
      const more: typeof left = []
      for (const parts of left) {
        const next = parts.next()
        if (next.done === true) continue
        yield next.value
        more.push(parts)
      }
      left = more
    }
  }

  /**
   * @param rows in the part
   * @param pageRows that a page may have
   * @param most greatest width of the next parts, after a part that was slow. Few rows do not mean that a part is quick to read
   */
  learn({ start, end }: TokenRange, rows: number, pageRows: number, most?: bigint): void {
    if (most === undefined) this.#most = least(RING, 2n * this.#most)
    else this.#most = least(this.#most, most > 0n ? most : 1n)
    const wanted = pageRows * (this.#inOrder ? PAGES_IN_ORDER : PAGES_IN_TURNS)
    const growth = rows === 0 ? MOST_GROWTH : wanted / rows
    const bounded = Math.max(1 / MOST_SHRINKING, Math.min(MOST_GROWTH, growth))
    const width = ((end - start) * BigInt(Math.round(bounded * 1000))) / 1000n
    // A part may be narrow only because its range ended. Such a part must not make the next ones narrow.
    if (growth < 1 || width > this.#width) this.#width = width > 0n ? width : 1n
    if (this.#width > this.#most) this.#width = this.#most
  }

  *#partsOf({ start, end }: TokenRange): Generator<TokenRange, void, undefined> {
    for (let at = start; at < end; ) {
      let next = at + this.#width
      if (next > end) next = end
      yield { start: at, end: next }
      at = next
    }
  }
}

const least = (a: bigint, b: bigint) => (a < b ? a : b)
