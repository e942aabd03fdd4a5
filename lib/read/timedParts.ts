/** Cells of a row that one statement writes again: those with one write time and one time to live. */
export interface Part {
  /** Microseconds since 1970. */
  readonly time: bigint
  /** Seconds that remain; 0 is for ever. */
  readonly ttl: number
  /** Lists stand apart: a repeat gives their row the next microsecond (CASSANDRA-11368), and no other cell may get it. */
  readonly isOfLists: boolean
  /** Whether it has elements or fields of a value, whose others may be in other parts. */
  isOfElements: boolean
  readonly cells: { readonly name: string; readonly value: unknown }[]
}

/** The parts of one row, or of the static columns of its partition. */
export class TimedParts {
  readonly #byTime = new Map<bigint, Part[]>()

  /** The part for a cell. */
  at(time: bigint, ttl: number, isOfLists = false): Part {
    const known = this.#byTime.get(time)
    const found = known?.find(part => part.ttl === ttl && part.isOfLists === isOfLists)
    if (found !== undefined) return found
    const part: Part = { time, ttl, isOfLists, isOfElements: false, cells: [] }
    if (known === undefined) this.#byTime.set(time, [part])
    else known.push(part)
    return part
  }

  /** The oldest first; of one write time what lives longest. */
  sorted(): Part[] {
    return [...this.#byTime.values()].flat().sort(inOrder)
  }

  /**
   * As {@link sorted}, and the first part can be inserted: it tells when the row began. CQL does not tell the times of a
   * row marker. It is mostly as old as the oldest cell, and a row without cells gets the moment of the read.
   */
  withMarker(): readonly Part[] {
    const parts = this.sorted()
    const [oldest] = parts
    if (oldest !== undefined && !oldest.isOfLists) return parts
    const { time = BigInt(Date.now()) * 1000n, ttl = 0 } = oldest ?? {}
    return [{ time, ttl, isOfLists: false, isOfElements: false, cells: [] }, ...parts]
  }
}

function inOrder(a: Part, b: Part): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1
  if (a.isOfLists !== b.isOfLists) return a.isOfLists ? 1 : -1
  return (b.ttl || Number.POSITIVE_INFINITY) - (a.ttl || Number.POSITIVE_INFINITY)
}
