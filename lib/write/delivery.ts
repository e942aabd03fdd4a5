import { backoff, sparingBackoff } from '../cluster/backoff.ts'
import { wordsOf } from '../cluster/failure.ts'
import { mayBeApplied, moreTelling } from '../cluster/fault.ts'
import { pauses } from '../cluster/pauses.ts'
import { WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { age, type EncodedRow, restamp } from '../row/encodedRow.ts'
import { ROW_COUNT, rowLabel } from '../row/rowRefusal.ts'
import { LIST_TIMESTAMPS } from '../row/using.ts'

type Limits = Pick<WriteSettings, 'request_timeout_ms' | 'retry_timeout_ms'>

/** With fewer milliseconds left, another attempt is pointless. */
const LEAST_MS = 20

/** Milliseconds within which a busy server may handle two requests in another order than they left. */
const LEAST_FOLLOWING_MS = 250

/** Milliseconds after which most faults of a server have passed. */
const PASSING_MS = 5_000

/** Rows on their way to Cassandra, with their attempts and the time that is left. */
export class Delivery {
  /** The rows, encoded for the table as it is now. */
  rows: readonly EncodedRow[]
  /** Tries that failed. */
  tries = 0
  /** Tries in which the server failed to store the rows. */
  failures = 0
  readonly #limits: Limits
  #started: number
  /** Milliseconds of pauses of this process before the start. */
  #pausedBefore = pauses.sum_ms
  /** Write times that rows with a list have used, without the first. */
  #repeats = 0
  #livesFrom: number
  /** Seconds that were taken off the time to live. */
  #aged = 0
  /** When the server first failed to store the rows, by `performance.now()`. */
  #failedSince = Number.POSITIVE_INFINITY
  /** Milliseconds of the longest attempt in which the server failed to store the rows. */
  #longest_ms = 0
  /** The error to report when the time is over. */
  #reason: unknown
  /** The delivery that this is a part of. */
  #whole: Delivery = this
  /** Indexes of rows that are settled while others are not. */
  #settled: Set<number> | undefined

  /** @param livesFrom start of the rows' time to live, on the clock of `performance.now()`. Undefined: the first attempt */
  constructor(rows: readonly EncodedRow[], limits: Limits, livesFrom?: number, started = performance.now()) {
    this.rows = rows
    this.#limits = limits
    this.#started = started
    this.#livesFrom = livesFrom ?? started
    // The process may have been down for any time since the rows were sealed.
    if (livesFrom !== undefined) this.#age(Math.floor)
  }

  /** Milliseconds for an attempt that begins at this `performance.now()`. */
  limitAt(now: number): number {
    const { request_timeout_ms, retry_timeout_ms } = this.#limits
    // Without retries, only the limit of one request counts.
    if (retry_timeout_ms === 0) return request_timeout_ms
    return Math.max(1, Math.min(request_timeout_ms, this.#leftAt(now)))
  }

  /** Milliseconds for the next attempt. */
  get limit_ms(): number {
    return this.limitAt(performance.now())
  }

  /**
   * Whether the row itself makes the server fail. That is so if the server has failed to store it for a while, but has stored
   * rows that were sent after the failure. Rows that were sent earlier prove nothing, because the server may have started to
   * fail in between. When no other attempt would be answered within the time left, rows that were sent after this row are
   * enough, because none may have been sent after its failure.
   */
  isToBlame(lastStored: number): boolean {
    const { retry_timeout_ms } = this.#limits
    const isOld = retry_timeout_ms - this.#left_ms >= Math.min(PASSING_MS, retry_timeout_ms / 2)
    if (isOld && lastStored > this.#failedSince) return true
    const isFollowed = lastStored > this.#started + LEAST_FOLLOWING_MS
    // Half of the time left may pass before the next attempt.
    const isLast = this.#left_ms < 2 * Math.max(LEAST_MS, this.#longest_ms)
    return isLast && this.failures === this.tries && isFollowed
  }

  /** Moves the end of the retries, after a wait that was not for Cassandra. */
  postpone(ms: number): void {
    this.#started += ms
  }

  /** Records that the server failed to store the rows, which left at this `performance.now()`. */
  failed(sent: number): void {
    const now = performance.now()
    this.failures++
    this.#failedSince = Math.min(this.#failedSince, now)
    // A pause of the process is no part of the attempt.
    this.#longest_ms = Math.max(this.#longest_ms, Math.min(now - sent, this.limitAt(sent)))
  }

  /** Some of the rows, with the same history and the same deadline. */
  part(from: number, to: number): Delivery {
    const part = new Delivery(this.rows.slice(from, to), this.#limits, undefined, this.#started)
    part.#whole = this.#whole
    part.#livesFrom = this.#livesFrom
    part.#pausedBefore = this.#pausedBefore
    part.tries = this.tries
    part.failures = this.failures
    part.#failedSince = this.#failedSince
    part.#longest_ms = this.#longest_ms
    part.#reason = this.#reason
    part.#repeats = this.#repeats
    part.#aged = this.#aged
    return part
  }

  /** Settles these rows. Returns the whole delivery once all of its rows are settled. */
  settle(): Delivery | undefined {
    const whole = this.#whole
    if (whole === this) return this
    whole.#settled ??= new Set()
    for (const { index } of this.rows) whole.#settled.add(index)
    return whole.#settled.size === whole.rows.length ? whole : undefined
  }

  /** Rows that are not settled. */
  *unsettled(): Generator<EncodedRow, void, undefined> {
    for (const row of this.rows) if (this.#settled?.has(row.index) !== true) yield row
  }

  /**
   * Prepares the rows for another attempt after this error.
   * @throws WriteError when a row with a list has no write time left for it
   */
  repeat(error: unknown): void {
    if (this.usesWriteTimes(error)) {
      if (!this.#hasWriteTimes) throw this.#usedUp(error)
      this.#repeats++
      for (const row of this.rows) if (row.appends) restamp(row)
    }
    this.#age(Math.ceil)
  }

  /**
   * Milliseconds to wait before the next attempt.
   * @param sent when the failed attempt began, by `performance.now()`
   * @throws WriteError when there is no time left for it
   */
  waitAfter(error: unknown, sent: number): number {
    const isShortened = this.limitAt(sent) < this.#limits.request_timeout_ms
    this.#reason = moreTelling(this.#reason, error, isShortened)
    // A wait leaves time for a last attempt: a server may be back just before the end.
    const left_ms = this.#left_ms
    const wait_ms = Math.min(this.#wait_ms(error), left_ms / 2)
    if (this.usesWriteTimes(error) && !this.#hasWriteTimes) throw this.#usedUp(this.#reason)
    if (left_ms < LEAST_MS) throw this.#over(this.#reason)
    return wait_ms
  }

  /** Whether rows with a list need the next write time, because the failed attempt may have stored them. */
  usesWriteTimes(error: unknown): boolean {
    return mayBeApplied(error) && this.rows.some(({ appends }) => appends)
  }

  get #left_ms(): number {
    return this.#leftAt(performance.now())
  }

  #leftAt(now: number): number {
    return this.#started + this.#limits.retry_timeout_ms + pauses.sum_ms - this.#pausedBefore - now
  }

  get #hasWriteTimes(): boolean {
    return this.#repeats + 1 < LIST_TIMESTAMPS
  }

  #wait_ms(error: unknown): number {
    const wait_ms = backoff(this.tries - 1)
    if (!this.usesWriteTimes(error)) return wait_ms
    // Rows with a list have few write times, which must last as long as the retries of other rows.
    return Math.max(
      wait_ms,
      sparingBackoff(this.#repeats, LIST_TIMESTAMPS - 1, this.#limits.retry_timeout_ms),
    )
  }

  /** A repeat lives no longer than the first attempt would have. */
  #age(round: (seconds: number) => number): void {
    if (this.rows[0]?.statement.ttlIndex === undefined) return
    const seconds = round((performance.now() - this.#livesFrom) / 1000)
    if (seconds <= this.#aged) return
    for (const row of this.rows) age(row, seconds - this.#aged)
    this.#aged = seconds
  }

  #over(error: unknown): WriteError {
    const limit = `within \`retry_timeout_ms\` (${this.#limits.retry_timeout_ms} ms)`
    return this.#unacknowledged(limit, '', error)
  }

  #usedUp(error: unknown): WriteError {
    const why = `. A row with a non-frozen list is sent ${LIST_TIMESTAMPS} times at most, since a server may have stored it`
    return this.#unacknowledged(`in ${Math.round(performance.now() - this.#started)} ms`, why, error)
  }

  #unacknowledged(time: string, why: string, error: unknown): WriteError {
    const tries = this.tries === 1 ? '1 try' : `${this.tries} tries`
    const text = `${nameOf(this.rows)} not acknowledged after ${tries} ${time}: ${wordsOf(error)}${why}`
    return new WriteError('ERR_CASSANDRA_RETRY_TIMEOUT', text, { cause: error })
  }
}

/** Names rows at the start of a sentence: `Row 7 … is`, `20 rows between row 0 and row 31 … are`. */
function nameOf(rows: readonly EncodedRow[]): string {
  let first = Number.POSITIVE_INFINITY
  let last = 0
  for (const { index } of rows) {
    first = Math.min(first, index)
    last = Math.max(last, index)
  }
  return rows.length === 1
    ? `${rowLabel(first)} is`
    : `${rows.length} rows between row ${first} and row ${last} ${ROW_COUNT} are`
}
