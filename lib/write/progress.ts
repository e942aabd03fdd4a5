import { channels, type TableContext } from '../diagnostics.ts'
import type { Json } from '../json.ts'
import { Positions } from './positions.ts'
import { Queue } from './queue.ts'

/** Milliseconds between two reports without a flush, at least. On an idle sink, bad rows settle one by one. */
const IDLE_PACE_MS = 10

/** How far a sink is: this row and all before it are acknowledged or set aside. */
export interface Acknowledged {
  /** Number of the row in the order of arrival, counted from 0 in each stream. */
  readonly row_index: number
  /** The source's position after that row, as the `position` option returned it. Null without that option. */
  readonly position: Json | null
}

/** Where the progress is read from. */
interface Source {
  /**
   * Number of rows at the start of the stream that are settled.
   * @param known the answer may be too small if it is not above this
   */
  settledRows(known: number): number
  /** Whether all rows that came are settled. */
  readonly isIdle: boolean
}

interface FlushWaiter {
  readonly rows: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Reports how far a sink is: once per flush, and when all rows are settled, at a limited pace. Without positions, it computes nothing
 * while nobody listens.
 */
export class Progress {
  readonly #table: TableContext
  readonly #isListening: () => boolean
  readonly #tell: (acknowledged: Acknowledged) => void
  #source: Source | undefined
  readonly #positions = new Positions()
  #position: Json | null = null
  #told = 0
  #hasFlushed = false
  /** When the last report without a flush was made, by `performance.now()`. */
  #idleToldAt = Number.NEGATIVE_INFINITY
  /** Of a report that is put off. */
  #timer: NodeJS.Timeout | undefined
  /** In rising order of rows, because the number of given rows only grows. */
  readonly #waiters = new Queue<FlushWaiter>()
  /** Row counts that somebody waits for. */
  readonly #awaited = new Set<number>()
  #end: { readonly error: unknown } | 'complete' | undefined

  constructor(
    { keyspace, table }: TableContext,
    isListening: () => boolean,
    tell: (acknowledged: Acknowledged) => void,
  ) {
    this.#table = { keyspace, table }
    this.#isListening = isListening
    this.#tell = tell
  }

  follow(source: Source): void {
    this.#source = source
  }

  /**
   * Records the source's position after a row, also while nobody listens: a later listener gets it. Called in the order of rows.
   */
  passed(row_index: number, position: Json | undefined): void {
    if (position === undefined) return
    // An epoch without rows moves only the position.
    if (row_index < this.#told) this.#position = position
    else this.#positions.push({ row_index, position })
  }

  /** Resolves when the first `rows` rows are settled. `rows` is never smaller than in the call before. */
  settled(rows: number): Promise<void> {
    if (this.#timer !== undefined) this.#tellNow()
    return new Promise((resolve, reject) => {
      if (rows === 0 || this.#end === 'complete' || this.#isSettled(rows)) resolve()
      else if (this.#end !== undefined) reject(this.#end.error)
      else {
        this.#waiters.push({ rows, resolve, reject })
        this.#awaited.add(rows)
      }
    })
  }

  /** Whether somebody waits for the rows up to this one, so that they must leave without waiting for others. */
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
    const isWanted = this.#isWanted
    const isDue = isWanted && (this.#hasFlushed || (this.#source.isIdle && !this.#isTooSoon()))
    const wanted = isDue ? this.#told + 1 : this.#waiters.first?.rows
    if (wanted === undefined) return
    // Smaller answers than `wanted` change nothing, so the search may stop early. Many rows may wait.
    const known = wanted - 1
    const rows = this.#source.settledRows(known)
    // Computed once per flush, because it takes a walk through the rows in flight.
    if (isDue && !this.#hasFlushed) this.#idleToldAt = performance.now()
    if (isDue) this.#hasFlushed = false
    // A report comes before the `flush()` that waits for its rows.
    const isAwaited = isWanted && rows >= (this.#waiters.first?.rows ?? rows + 1)
    if ((isDue || isAwaited) && rows > this.#told) this.#advance(rows)
    this.#resolveUpTo(rows)
  }

  /** All rows are done. A row that the sink refused after it was counted is never settled. */
  complete(): void {
    if (this.#timer !== undefined) this.#tellNow()
    this.#end ??= 'complete'
    this.#resolveUpTo(Number.POSITIVE_INFINITY)
  }

  /** No row is settled from now on. */
  end(error: unknown): void {
    this.#end ??= { error }
    this.#forgetReport()
    for (const { reject } of this.#waiters) reject(error)
    this.#waiters.clear()
    this.#awaited.clear()
  }

  /** The check takes a walk through the rows in flight. It is useless while somebody waits for fewer rows. */
  #isSettled(rows: number): boolean {
    if (this.#waiters.first !== undefined) return false
    const settled = this.#source?.settledRows(this.#told) ?? 0
    if (settled < rows) return false
    if (this.#end === undefined && settled > this.#told && this.#isWanted) this.#advance(settled)
    return true
  }

  get #isWanted(): boolean {
    return channels.acknowledged.hasSubscribers || this.#isListening() || !this.#positions.isEmpty
  }

  /** Puts the report off if the last one without a flush is too recent. */
  #isTooSoon(): boolean {
    const wait = this.#idleToldAt + IDLE_PACE_MS - performance.now()
    if (wait > 0) this.#timer ??= setTimeout(() => this.#tellNow(), Math.ceil(wait))
    return wait > 0
  }

  #tellNow(): void {
    this.#forgetReport()
    this.#idleToldAt = Number.NEGATIVE_INFINITY
    this.advanced()
  }

  #forgetReport(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #advance(rows: number): void {
    this.#told = rows
    const taken = this.#positions.takeUpTo(rows - 1)
    if (taken !== undefined) this.#position = taken.position
    // A row is reported with its own position, so a row without one is reported with a later one.
    const row_index = this.#positions.mayLack(rows - 1) ? taken?.row_index : rows - 1
    if (row_index !== undefined) this.#tell({ row_index, position: this.#position })
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
