/** Cells of a row that one statement writes: those with the same write time and time to live. */
export interface Part {
  /** Microseconds since 1970. */
  readonly time: bigint
  /** Remaining seconds. 0 means forever. */
  readonly ttl: number
  /** Lists have parts of their own, whose repeats get later microseconds (CASSANDRA-11368). No other cell may get these. */
  readonly isOfLists: boolean
  /** Whether the part has only some elements or fields of a value. Other parts may have the others. */
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

  /** Oldest first. Of equal write times, the longest-lived first. */
  sorted(): Part[] {
    return [...this.#byTime.values()].flat().sort(inOrder)
  }

  /**
   * Like {@link sorted}, with a first part that can be inserted and writes the row marker. CQL does not report the time of a row
   * marker. It is mostly as old as the oldest cell. A row without cells gets the moment of the read.
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
