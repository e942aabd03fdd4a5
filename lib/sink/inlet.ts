import { WriteError } from '../errors.ts'
import { snapshotOf } from '../row/snapshot.ts'
import { LIST_TIMESTAMPS } from '../row/using.ts'
import { processArrivals } from '../write/clusterClock.ts'
import type { TakenRow } from '../write/liveTable.ts'
import { type Counters, countsOf, newCounters } from '../write/stats.ts'

/** A row that came before the table was known: its place in the order, a copy as deep as it goes, later its bytes. */
class EarlyRow {
  readonly arrival = processArrivals().next(LIST_TIMESTAMPS)
  readonly copy: unknown
  taken: TakenRow | undefined

  constructor(row: unknown) {
    this.copy = snapshotOf(row)
  }
}

export type GivenRow = TakenRow | EarlyRow

/** What turns rows into bytes once the table is known. */
export interface Taker {
  /** @param arrival place of a row that came before the table was known */
  take(row: unknown, arrival?: number): TakenRow
  close(): Promise<void>
}

/** Takes the rows that are given to a sink, from the first moment on: also while it connects. */
export class Inlet<Writer extends Taker> {
  readonly counters: Counters = newCounters()
  readonly #opening = new AbortController()
  readonly #early: EarlyRow[] = []
  #writer: Writer | undefined
  #opened: Promise<void> | undefined
  #given = 0
  #closed: Promise<void> | undefined

  get isOpen(): boolean {
    return this.#writer !== undefined
  }

  /** Undefined before it is open. */
  get writer(): Writer | undefined {
    return this.#writer
  }

  /**
   * Resolves when `open` has, or at once when it is closed meanwhile: who closes has a reason of his own, and need not
   * wait for the servers. After `open` has called `hold`, closing waits until what it takes is given back.
   */
  openBy(open: (signal: AbortSignal, hold: () => void) => Promise<Writer>): Promise<void> {
    const { signal } = this.#opening
    if (signal.aborted) return Promise.resolve()
    let isHeld = false
    const left = new Promise<void>(resolve =>
      signal.addEventListener('abort', () => {
        if (!isHeld) resolve()
      }),
    )
    const hold = () => {
      isHeld = true
    }
    const opened = open(signal, hold).then(
      writer => {
        if (signal.aborted) return writer.close()
        this.#writer = writer
        for (const early of this.#early.splice(0)) early.taken = writer.take(early.copy, early.arrival)
        return undefined
      },
      (error: Error) => {
        if (!signal.aborted) throw error
      },
    )
    this.#opened = Promise.race([opened, left])
    return this.#opened
  }

  /** A row is read when it is given, not when its turn comes: by then the caller may have changed it. */
  take(row: unknown): GivenRow {
    this.#given++
    if (this.#writer !== undefined) return this.#writer.take(row)
    const early = new EarlyRow(row)
    if (!this.#opening.signal.aborted) this.#early.push(early)
    return early
  }

  /** After opening. */
  taken(row: GivenRow): TakenRow {
    return row instanceof EarlyRow ? (row.taken as TakenRow) : row
  }

  /**
   * What there is to report when the sink is left before its end: rows that were given and are not acknowledged. Nothing
   * when there are none.
   */
  leave(): WriteError | undefined {
    const rows = this.#given - this.counters.rows_written - this.counters.rows_deleted
    if (rows === 0) return undefined
    const message = `The stream was left before its end, with ${rows} rows that Cassandra has not acknowledged`
    const error = new WriteError('ERR_CASSANDRA_WRITE', message)
    void this.close()
    error.counts = countsOf(this.counters)
    return error
  }

  /** Stops at once, in whatever state it is. Never throws. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#opening.abort()
    this.#early.length = 0
    if (this.#writer === undefined) await this.#opened?.catch(() => {})
    await this.#writer?.close()
  }
}
