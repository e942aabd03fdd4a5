import type { RowCounts } from '../errors.ts'
import { byteLengthOf, type EncodedRow } from '../row/encodedRow.ts'
import type { CassandraWritableStats } from './stats.ts'

/** {@link CassandraWritableStats} that can be changed. */
export type Counters = { -readonly [Name in keyof CassandraWritableStats]: number }

/** All counters of a sink at 0. Their order is the order in which users see them. */
export const zeroCounters = (): Counters => ({
  rows_accepted: 0,
  rows_written: 0,
  rows_deleted: 0,
  rows_set_aside: 0,
  rows_failed: 0,
  rows_buffered: 0,
  rows_in_flight: 0,
  bytes_written: 0,
  requests: 0,
  requests_in_flight: 0,
  retries: 0,
  clock_skew_ms: 0,
})

/** Counts the rows and requests of one sink. Nothing else counts. */
export class Tally {
  readonly #counters = zeroCounters()
  #isFinal = false

  /** Live counters. */
  get stats(): CassandraWritableStats {
    return this.#counters
  }

  /** A copy of the current row counts, for an error. */
  get counts(): RowCounts {
    const { rows_accepted, rows_written, rows_deleted, rows_set_aside, rows_failed } = this.#counters
    return { rows_accepted, rows_written, rows_deleted, rows_set_aside, rows_failed }
  }

  /** Whether counting has ended. */
  get isFinal(): boolean {
    return this.#isFinal
  }

  /** Rows that Cassandra has acknowledged. */
  get acknowledged(): number {
    return this.#counters.rows_written + this.#counters.rows_deleted
  }

  /** Rows that are acknowledged or set aside. */
  get settled(): number {
    return this.acknowledged + this.#counters.rows_set_aside
  }

  /** Milliseconds by which the cluster's clock is ahead of this machine's. */
  clockRead(skew_ms: number): void {
    this.#counters.clock_skew_ms = skew_ms
  }

  rowAccepted(): void {
    this.#counters.rows_accepted++
    this.#counters.rows_buffered++
  }

  /** Accepted rows that are never sent. */
  rowsDropped(rows: number): void {
    this.#counters.rows_buffered -= rows
    this.#counters.rows_failed += rows
  }

  /** A group of rows leaves. */
  groupLeft(rows: number): void {
    this.#counters.rows_buffered -= rows
    this.#counters.rows_in_flight += rows
    this.#counters.requests_in_flight++
  }

  /** A group is settled, with or without success. */
  groupReturned(): void {
    this.#counters.requests_in_flight--
  }

  /** A group waits for its next attempt. */
  groupPaused(): void {
    this.#counters.requests_in_flight--
  }

  groupResumed(): void {
    this.#counters.requests_in_flight++
  }

  requestSent(): void {
    this.#counters.requests++
  }

  /** The next request repeats one that failed. */
  requestRepeated(): void {
    this.#counters.retries++
  }

  /** @param rows of one request, and so of one operation */
  rowsAcknowledged(rows: readonly EncodedRow[]): void {
    const [first] = rows
    if (this.#isFinal || first === undefined) return
    const counters = this.#counters
    counters[first.statement.operation.counter] += rows.length
    counters.rows_in_flight -= rows.length
    for (const row of rows) counters.bytes_written += byteLengthOf(row)
  }

  /** @param isInFlight whether the row was accepted before, and refused by Cassandra */
  rowSetAside(isInFlight: boolean): void {
    if (this.#isFinal) return
    if (isInFlight) this.#counters.rows_in_flight--
    else this.#counters.rows_accepted++
    this.#counters.rows_set_aside++
  }

  /** A row in flight that Cassandra refuses. */
  rowRefused(): void {
    if (this.#isFinal) return
    this.#counters.rows_in_flight--
    this.#counters.rows_failed++
  }

  /** Ends counting. Rows that are not acknowledged by now count as failed. */
  close(): void {
    const counters = this.#counters
    this.#isFinal = true
    counters.rows_failed = counters.rows_accepted - this.settled
    counters.rows_buffered = 0
    counters.rows_in_flight = 0
  }
}
