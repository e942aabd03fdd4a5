/** A partition by the bytes of its key. */
interface Counted {
  readonly key: Buffer
  readonly rows: number
}

/** The partitions with the most rows, in bounded memory. Of two with the same number, the one with the lower key is kept. */
export class LargestPartitions {
  readonly #most: number
  /** The largest first. */
  readonly #found: Counted[] = []

  constructor(most: number) {
    this.#most = most
  }

  /** @param key copied if it is kept */
  add(key: Buffer, rows: number): void {
    const last = this.#found.at(-1)
    if (this.#found.length === this.#most && (last === undefined || compare(last, { key, rows }) < 0)) return
    const counted = { key: Buffer.from(key), rows }
    let from = 0
    for (let to = this.#found.length; from < to; ) {
      const middle = (from + to) >> 1
      if (compare(this.#found[middle] as Counted, counted) < 0) from = middle + 1
      else to = middle
    }
    this.#found.splice(from, 0, counted)
    if (this.#found.length > this.#most) this.#found.pop()
  }

  /** The largest first. */
  get all(): readonly Counted[] {
    return this.#found
  }
}

function compare(one: Counted, other: Counted): number {
  return other.rows - one.rows || Buffer.compare(one.key, other.key)
}
