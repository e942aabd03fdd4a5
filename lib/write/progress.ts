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
  /** In rising order of rows, since those that were given only grow in number. */
  readonly #waiters = new Queue<FlushWaiter>()
  /** Numbers of rows that somebody waits for. */
  readonly #awaited = new Set<number>()
  #end: Error | 'complete' | undefined

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

  /** Resolves when the first rows, so many of them, are settled. Never fewer than were asked for before. */
  settled(rows: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (rows === 0 || this.#end === 'complete' || this.#isSettled(rows)) resolve()
      else if (this.#end !== undefined) reject(this.#end)
      else {
        this.#waiters.push({ rows, resolve, reject })
        this.#awaited.add(rows)
      }
    })
  }

  /** Whether somebody waits for the rows up to this one, so that they must not wait for others. */
  isAwaited(row_index: number): boolean {
    return this.#awaited.has(row_index + 1)
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
    const wanted = isDue ? this.#told + 1 : this.#waiters.first?.rows
    if (wanted === undefined) return
    // What cannot be told to anybody need not be found out: rows that wait may be many.
    const known = wanted - 1
    const rows = this.#source.settledRows(known)
    // Looked at once per flush, since it takes a walk through the rows in flight.
    if (isDue) this.#hasFlushed = false
    if (isDue && rows > this.#told) this.#advance(rows)
    this.#resolveUpTo(rows)
  }

  /** Nothing is left to do for any row. One that the sink refused after it was counted is never settled. */
  complete(): void {
    this.#end ??= 'complete'
    this.#resolveUpTo(Number.POSITIVE_INFINITY)
  }

  /** Nothing is settled any more. */
  end(error: Error): void {
    this.#end ??= error
    for (const { reject } of this.#waiters) reject(error)
    this.#waiters.clear()
    this.#awaited.clear()
  }

  /** Looking takes a walk through the rows in flight. As long as fewer rows are waited for, it is in vain. */
  #isSettled(rows: number): boolean {
    return this.#waiters.first === undefined && (this.#source?.settledRows(this.#told) ?? 0) >= rows
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
    for (let waiter = this.#waiters.first; waiter !== undefined; waiter = this.#waiters.first) {
      if (waiter.rows > rows) break
      this.#waiters.shift()
      this.#awaited.delete(waiter.rows)
      waiter.resolve()
    }
  }
}
