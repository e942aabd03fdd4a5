import { channels, type TableContext } from '../diagnostics.ts'
import type { Json } from '../json.ts'
import { Queue } from './queue.ts'

/** How far a sink has come: up to this row nothing is left to do, for this row and all before it. */
export interface Acknowledged {
  /** Place of the row in the order of arrival, from 0. */
  readonly row_index: number
  /** The source's place after that row, as the `position` option gave it; null without it. */
  readonly position: Json | null
}

/** What is asked for how far it has come. */
interface Source {
  /**
   * Rows from the first one on that nothing is left to do for.
   * @param known the answer may be too small where it is not above this
   */
  settledRows(known: number): number
  /** Whether all rows that came are settled. */
  readonly isIdle: boolean
}

interface FlushWaiter {
  readonly rows: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Tells how far a sink has come: once per flush, and when nothing is left to do. Nothing is computed while nobody listens. */
export class Progress {
  readonly #table: TableContext
  readonly #isListening: () => boolean
  readonly #tell: (acknowledged: Acknowledged) => void
  #source: Source | undefined
  readonly #positions = new Queue<{ readonly row_index: number; readonly position: Json }>()
  #position: Json | null = null
  #told = 0
  #hasFlushed = false
  #waiters: FlushWaiter[] = []
  #end: Error | undefined

  constructor(
    { keyspace, table }: TableContext,
    isListening: () => boolean,
    tell: (acknowledged: Acknowledged) => void,
  ) {
    this.#table = { keyspace, table }
    this.#isListening = isListening
    this.#tell = tell
  }

  get isListening(): boolean {
    return this.#isListening()
  }

  follow(source: Source): void {
    this.#source = source
  }

  /** The source's place after a row, in the order of rows. */
  passed(row_index: number, position: Json | undefined): void {
    if (position !== undefined) this.#positions.push({ row_index, position })
  }

  /** Resolves when the first rows, so many of them, are settled. */
  settled(rows: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (rows === 0 || (this.#source?.settledRows(this.#told) ?? 0) >= rows) resolve()
      else if (this.#end !== undefined) reject(this.#end)
      else this.#waiters.push({ rows, resolve, reject })
    })
  }

  /** Whether somebody waits for the rows up to this one, so that they must not wait for others. */
  isAwaited(row_index: number): boolean {
    // Called for each row.
    return this.#waiters.length > 0 && this.#waiters.some(({ rows }) => rows === row_index + 1)
  }

  /** A buffer of rows was sent. */
  flushed(): void {
    this.#hasFlushed = true
  }

  /** Rows were settled. */
  advanced(): void {
    if (this.#source === undefined || this.#end !== undefined) return
    const isWanted = channels.acknowledged.hasSubscribers || this.#isListening()
    const isDue = isWanted && (this.#hasFlushed || this.#source.isIdle)
    if (!isDue && this.#waiters.length === 0) return
    // What cannot be told to anybody need not be found out: rows that wait may be many.
    const known = isDue ? this.#told : Math.min(...this.#waiters.map(waiter => waiter.rows)) - 1
    const rows = this.#source.settledRows(known)
    // Looked at once per flush, since it takes a walk through the rows in flight.
    if (isDue) this.#hasFlushed = false
    if (isDue && rows > this.#told) this.#advance(rows)
    this.#resolveUpTo(rows)
  }

  /** Nothing is settled any more. */
  end(error: Error): void {
    this.#end ??= error
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }

  #advance(rows: number): void {
    this.#told = rows
    for (let next = this.#positions.first; next !== undefined; next = this.#positions.first) {
      if (next.row_index >= rows) break
      this.#position = next.position
      this.#positions.shift()
    }
    this.#tell({ row_index: rows - 1, position: this.#position })
    if (channels.acknowledged.hasSubscribers)
      channels.acknowledged.publish({ ...this.#table, row_index: rows - 1 })
  }

  #resolveUpTo(rows: number): void {
    const waiters = this.#waiters
    this.#waiters = waiters.filter(waiter => waiter.rows > rows)
    for (const waiter of waiters) if (waiter.rows <= rows) waiter.resolve()
  }
}
