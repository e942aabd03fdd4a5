import type { Json } from '../json.ts'
import { Queue } from './queue.ts'

/** Maximum number of positions that are kept. */
const MOST_POSITIONS = 8_192

/** A row, and the source's position after it. */
interface Place {
  readonly row_index: number
  readonly position: Json
}

/**
 * Positions of rows that are not settled. One row may stay unsettled while millions pass it. When there are too many positions, only
 * those of every second row stay, then of every fourth, and so on; that of the newest row always stays.
 */
export class Positions {
  readonly #kept = new Queue<Place>()
  #newest: Place | undefined
  /** Only positions of rows that are a multiple of this are kept. */
  #stride = 1
  /** The last row whose position was given up. */
  #lastDropped = -1

  get isEmpty(): boolean {
    return this.#newest === undefined
  }

  /** Called in the order of rows. */
  push(place: Place): void {
    if (this.#newest !== undefined) this.#keep(this.#newest)
    this.#newest = place
    if (this.#kept.length >= MOST_POSITIONS) this.#thin()
  }

  /** Takes away the positions of this row and of all before it. Returns the last one of them. */
  takeUpTo(row_index: number): Place | undefined {
    let taken: Place | undefined
    for (let next = this.#kept.first; next !== undefined; next = this.#kept.first) {
      if (next.row_index > row_index) break
      taken = next
      this.#kept.shift()
    }
    if (this.#newest !== undefined && this.#newest.row_index <= row_index) {
      taken = this.#newest
      this.#newest = undefined
    }
    // With fewer left, thinning again frees too little.
    if (this.#kept.length <= MOST_POSITIONS / 4) this.#stride = 1
    return taken
  }

  /** Whether the position of this row may have been given up. */
  mayLack(row_index: number): boolean {
    return row_index <= this.#lastDropped
  }

  #keep(place: Place): void {
    if (place.row_index % this.#stride === 0) this.#kept.push(place)
    else this.#lastDropped = Math.max(this.#lastDropped, place.row_index)
  }

  #thin(): void {
    const all = [...this.#kept]
    this.#kept.clear()
    this.#stride *= 2
    for (const place of all) this.#keep(place)
  }
}
