import { CassandraStreamsError, type RowError, type RowRange, WriteError } from '../errors.ts'
import { GivenRow } from '../row/givenRow.ts'
import { processArrivals } from '../write/clusterClock.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import { Tally } from '../write/tally.ts'

/** A row that came before the table was known: its place in the order, a deep copy, and later its bytes. */
class EarlyRow {
  readonly arrival = processArrivals().early()
  readonly given: GivenRow
  /** Present once the table is known. */
  encoded: EncodeResult | undefined

  constructor(row: unknown) {
    this.given = new GivenRow(row)
  }
}

export type QueuedRow = EncodeResult | EarlyRow

/** Turns rows into bytes once the table is known. */
export interface RowWriter {
  /** @param arrival place of a row that came before the table was known */
  encode(row: unknown, arrival?: number): EncodeResult
  validate(row: unknown): Promise<RowError | undefined>
  /** Rows that were given and are not known to be written or set aside. */
  readonly unacknowledged: readonly RowRange[]
  /** Resolves in the next millisecond of the cluster's clock. Rejects when the writer is closed. */
  nextMillisecond(): Promise<void>
  /** Sends rows without waiting for more. */
  flush(): void
  close(): Promise<void>
}

/** What all sinks share: rows that come before the writer is open, and the writer once it is. */
export class Intake<Writer extends RowWriter> {
  readonly tally = new Tally()
  readonly progress: Progress
  readonly #opening = new AbortController()
  readonly #early: EarlyRow[] = []
  #writer: Writer | undefined
  #opened: Promise<void> | undefined
  #openWaiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  #queued = 0
  /** Errors with the counts of this sink. They may change until it is closed. */
  readonly #accounted = new WeakSet<CassandraStreamsError>()
  #closed: Promise<void> | undefined

  constructor(progress: Progress) {
    this.progress = progress
  }

  get isOpen(): boolean {
    return this.#writer !== undefined
  }

  /** Undefined before it is open. */
  get writer(): Writer | undefined {
    return this.#writer
  }

  /**
   * Resolves when `open` has. Resolves at once if the intake is closed first, because closing must not wait for servers. After
   * `open` has called `hold`, closing waits until everything that was acquired is released.
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
        for (const early of this.#early.splice(0)) early.encoded = writer.encode(early.given, early.arrival)
        return undefined
      },
      (error: Error) => {
        if (signal.aborted) return
        this.account(error)
        throw error
      },
    )
    this.#opened = Promise.race([opened, left])
    for (const { resolve, reject } of this.#openWaiters.splice(0)) this.#opened.then(resolve, reject)
    return this.#opened
  }

  /** A stream of Node starts to open a moment after it is made. */
  #whenOpen(resolve: () => void, reject: (error: Error) => void): void {
    if (this.#opened !== undefined) this.#opened.then(resolve, reject)
    else if (this.#closed !== undefined) resolve()
    else this.#openWaiters.push({ resolve, reject })
  }

  /**
   * Why a row cannot be stored, or undefined. Waits until the table is known.
   * @throws the error that the sink fails with
   */
  async validate(row: unknown): Promise<RowError | undefined> {
    const given = new GivenRow(row)
    await new Promise<void>((resolve, reject) => this.#whenOpen(resolve, reject))
    if (this.#writer === undefined) throw new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
    return this.#writer.validate(given)
  }

  /** Reads a row when it is given and not when its turn comes, because the caller may change it in between. */
  queue(row: unknown): QueuedRow {
    this.#queued++
    if (this.#writer !== undefined) return this.#writer.encode(row)
    const early = new EarlyRow(row)
    if (!this.#opening.signal.aborted) this.#early.push(early)
    return early
  }

  /** The index of the row that was queued last. */
  get lastIndex(): number {
    return this.#queued - 1
  }

  /** Resolves when all rows that were queued so far are settled, and what other clients write from then on is later than they. */
  async flush(): Promise<void> {
    const flushed = this.progress.settled(this.#queued)
    this.#writer?.flush()
    await flushed
    // A stream that has ended has waited by itself.
    if (this.#closed !== undefined) return
    await this.#writer?.nextMillisecond().catch(() => this.progress.settled(Number.POSITIVE_INFINITY))
  }

  /** Only after opening. */
  encoded(row: QueuedRow): EncodeResult {
    return row instanceof EarlyRow ? (row.encoded as EncodeResult) : row
  }

  /**
   * The error if the sink is left before its end with rows that are not acknowledged. Undefined if there are none.
   */
  leave(): WriteError | undefined {
    // The promise of `writeEpoch()` reports its own rows.
    if (this.#queued === 0) return undefined
    // Rows of an epoch are acknowledged before it is committed.
    const rows = Math.max(this.#queued - this.tally.settled, countOf(this.#writer?.unacknowledged ?? []))
    if (rows <= 0) return undefined
    const message = `The stream was left before its end, with ${rows} rows that Cassandra has not acknowledged`
    const error = new WriteError('ERR_CASSANDRA_WRITE', message)
    void this.close(error)
    this.account(error)
    return error
  }

  /**
   * Stops at once, in whatever state it is. Never throws.
   * @param reason rejects promises that are waiting
   */
  close(reason?: unknown): Promise<void> {
    const left = new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
    this.progress.end(reason ?? left)
    this.#closed ??= this.#close()
    this.account(left)
    // More rows may have come since an error of opening.
    if (this.#writer === undefined) this.account(reason)
    return this.#closed
  }

  /**
   * Adds to an error of this package what became of the rows. Complete when nothing changes any more: opening has failed, or the
   * intake is closed. An error with the counts of another stream keeps them.
   */
  account(error: unknown): void {
    if (!(error instanceof CassandraStreamsError)) return
    if (error.counts !== undefined && !this.#accounted.has(error)) return
    this.#accounted.add(error)
    error.counts = this.tally.counts
    const all = this.#queued === 0 ? [] : [{ from: 0, to: this.lastIndex }]
    error.unacknowledged = this.#writer?.unacknowledged ?? all
  }

  async #close(): Promise<void> {
    this.#opening.abort()
    this.#early.length = 0
    for (const { resolve } of this.#openWaiters.splice(0)) resolve()
    if (this.#writer === undefined) await this.#opened?.catch(() => {})
    await this.#writer?.close()
  }
}

function countOf(ranges: readonly RowRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}
