import { setMaxListeners } from 'node:events'
import { RowBuffer } from '../batch/buffer.ts'
import { type Group, groupRows, type ReplicaSetOf } from '../batch/group.ts'
import type { Connection } from '../cluster/connect.ts'
import { Ring } from '../cluster/ring.ts'
import { Window } from '../cluster/window.ts'
import { type CassandraStreamsError, type SchemaError, WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { type EncodedRow, stamp, timestampsOf } from '../row/encodedRow.ts'
import { partitionKeyOf } from '../row/partitionKey.ts'
import { LIST_TIMESTAMPS } from '../row/using.ts'
import { type ClusterClock, processArrivals } from './clusterClock.ts'
import { watchClock } from './coordinator.ts'
import { DoubtfulRow } from './doubtfulRow.ts'
import { failureOf, undescribed } from './failure.ts'
import { type EncodeResult, LiveTable } from './liveTable.ts'
import { Outbox } from './outbox.ts'
import { Sender } from './sender.ts'
import { type Counters, countsOf } from './stats.ts'
import type { WriteTarget } from './target.ts'

/**
 * Flushes that may wait while the next is filled, so that there is something to send when answers come several at a
 * time. Measured: two take a few hundredths off a load, and rows of more live so long that they cost what is won.
 */
const WAITING_FLUSHES = 2

/** Called once, after the requests in flight have settled. */
export type OnFailure = (error: Error) => void

/** Rows go down, acknowledgements come back: encode, stamp, buffer, group, wait for a turn, send. */
export class Writer {
  readonly #connection: Connection
  readonly #settings: WriteSettings
  readonly #counters: Counters
  readonly #clock: ClusterClock
  readonly #onFailure: OnFailure
  readonly #table: LiveTable
  readonly #buffer: RowBuffer
  readonly #outbox: Outbox
  readonly #sender: Sender
  readonly #replicaSetOf: ReplicaSetOf
  readonly #closing = new AbortController()
  #nextIndex = 0
  #timer: NodeJS.Timeout | undefined
  readonly #stopClock: () => void
  #failure: CassandraStreamsError | undefined
  #settled: Promise<Error> | undefined

  constructor(
    { connection, schema, readAt, latest_expiry_s, clock }: WriteTarget,
    settings: WriteSettings,
    counters: Counters,
    onFailure: OnFailure,
  ) {
    const {
      rows_per_batch,
      max_buffered_bytes,
      concurrency,
      keyspace,
      request_timeout_ms: timeout_ms,
    } = settings
    this.#connection = connection
    this.#settings = settings
    this.#counters = counters
    this.#clock = clock
    this.#onFailure = onFailure
    this.#stopClock = watchClock(clock, connection.client, settings, counters)
    // Every request that waits for its next try listens, and Node warns from the eleventh on.
    setMaxListeners(0, this.#closing.signal)
    // An eighth of the bytes fills while up to two and what came last may wait, and half is in flight.
    this.#buffer = new RowBuffer(rows_per_batch, max_buffered_bytes / 8)
    const window = new Window(concurrency)
    this.#outbox = new Outbox(
      {
        requests: () => window.limit,
        bytes: max_buffered_bytes / 2,
        // Who asks for rows one by one asks for none to wait.
        waitingRows: rows_per_batch === 1 ? 0 : WAITING_FLUSHES * rows_per_batch,
        waitingBytes: (WAITING_FLUSHES * max_buffered_bytes) / 8,
      },
      group => this.#send(group),
    )
    const { client } = connection
    const source = { client, keyspace, table: settings.table, timeout_ms, signal: this.#closing.signal }
    const table = new LiveTable(source, schema, readAt, { ...settings, latest_expiry_s }, clock)
    this.#table = table
    const ring = new Ring(client, keyspace, partitionKeyOf)
    this.#replicaSetOf = row => ring.replicaSetOf(row)
    this.#sender = new Sender({ client, ring, table, clock }, settings, counters, this.#closing.signal, {
      rowRefused: error => this.#fail(error),
      answered: latency => window.answered(latency, this.#outbox.isShortOfRequests),
      overloaded: sent => window.overloaded(sent),
    })
  }

  /**
   * Reads a row once and turns it into bytes with its place in the order, or into the reason why it cannot be stored.
   * What the caller does to the row afterwards has no effect.
   *
   * @param arrival place of a row that came before the table was known
   */
  encode(row: unknown, arrival?: number): EncodeResult {
    const encoded = this.encodeUnstamped(row)
    if (encoded instanceof Error || this.#settings.timestamp_column !== undefined) return encoded
    if (encoded instanceof DoubtfulRow) {
      encoded.arrival = arrival ?? processArrivals().next(LIST_TIMESTAMPS)
      return encoded
    }
    const clock = this.#clock
    stamp(encoded, arrival === undefined ? clock.next(timestampsOf(encoded)) : clock.at(arrival))
    return encoded
  }

  /**
   * As {@link encode}, without a place in the order: the caller stamps the row before adding it.
   * @param ttl seconds to live of rows that name none, where they are not those of the settings
   */
  encodeUnstamped(row: unknown, ttl?: number): EncodeResult {
    return this.#table.encode(row, this.#nextIndex++, ttl)
  }

  /** What becomes of a row with a name that may have been added to the table. Reads the schema again if need be. */
  async settle(row: DoubtfulRow): Promise<EncodedRow | Error> {
    const settled = await this.#table.settle(row)
    if (!(settled instanceof Error) && row.arrival !== undefined) stamp(settled, this.#clock.at(row.arrival))
    return settled
  }

  /**
   * Accepts an encoded row. Returns nothing when the next may come at once, and a promise only when it must wait.
   * A bad row rejects after the rows before it are written.
   */
  add(row: EncodeResult): undefined | Promise<void> {
    if (this.#failure !== undefined) return this.#rejectWhenSettled()
    if (row instanceof Error) return this.#refuse(row)
    if (row instanceof DoubtfulRow) return this.settle(row).then(settled => this.add(settled))
    this.accept()
    return this.push(row)
  }

  /** Counts a row that is given to {@link push} later. */
  accept(): void {
    if (this.#failure !== undefined) return
    this.#counters.rows_accepted++
    this.#counters.rows_buffered++
  }

  /** Counts rows as failed that were accepted and are never pushed. */
  giveUp(rows: number): void {
    // After a failure all rows without an acknowledgement count as failed.
    if (this.#failure !== undefined) return
    this.#counters.rows_buffered -= rows
    this.#counters.rows_failed += rows
  }

  /** As {@link add}, for a row that is counted already. */
  push(row: EncodedRow): undefined | Promise<void> {
    if (this.#failure !== undefined) return this.#rejectWhenSettled()
    this.#buffer.push(row)
    if (this.#buffer.isFull) {
      this.#flush()
      return this.#room()
    }
    this.#timer ??= setTimeout(() => this.#flushOnTime(), this.#settings.flush_interval_ms)
    return undefined
  }

  /** As {@link drain}, for the last time: also makes sure that all rows went to the table that is there now. */
  async finish(): Promise<void> {
    await this.drain()
    if (this.#counters.rows_accepted === 0) return
    const change = await this.#table.lastChange()
    if (change !== undefined) await this.#refuse(change)
  }

  /**
   * What became of the table since the writer was opened, or undefined when it is the same: asked when all rows are
   * acknowledged, it tells whether they are where they should be.
   * @throws WriteError when no node tells within `retry_timeout_ms`.
   */
  async tableChange(): Promise<SchemaError | undefined> {
    const { request_timeout_ms, retry_timeout_ms } = this.#settings
    const limit_ms = Math.max(request_timeout_ms, retry_timeout_ms)
    try {
      return await this.#table.change(limit_ms)
    } catch (error) {
      if (this.#failure !== undefined) return this.#rejectWhenSettled()
      throw undescribed(error as Error, limit_ms)
    }
  }

  /** Rows with a time to live have it from this `performance.now()` on, however late they are sent. */
  set livesFrom(moment: number) {
    this.#sender.livesFrom = moment
  }

  /** Resolves when Cassandra has acknowledged every accepted row. */
  async drain(): Promise<void> {
    if (this.#failure === undefined) this.#flush()
    await this.#outbox.idle()
    if (this.#failure !== undefined) await this.#rejectWhenSettled()
  }

  /** Stops at once: rows not acknowledged by now count as failed. Never throws. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stopClock()
    this.#table.close()
    const reason = new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
    this.#failure ??= reason
    this.#closing.abort(reason)
    this.#outbox.abandon()
    this.#giveUpRows()
    await this.#connection.close()
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      this.#outbox.push(groupRows(this.#buffer.drain(), this.#settings.batch_by, this.#replicaSetOf))
    } catch (error) {
      // Nothing here should throw, but a flush by time has nobody above it to catch what does.
      this.#fail(error as Error)
    }
  }

  /** A flush by time never queues behind another: the rows wait in the buffer, which is bounded. */
  #flushOnTime(): void {
    if (this.#outbox.isWaiting)
      this.#timer = setTimeout(() => this.#flushOnTime(), this.#settings.flush_interval_ms)
    else this.#flush()
  }

  /** A promise only when the next row must wait. */
  #room(): undefined | Promise<void> {
    if (this.#failure !== undefined) return this.#rejectWhenSettled()
    return this.#outbox
      .room()
      ?.then(() => (this.#failure === undefined ? undefined : this.#rejectWhenSettled()))
  }

  async #send(group: Group): Promise<void> {
    const counters = this.#counters
    counters.rows_buffered -= group.rows.length
    counters.rows_in_flight += group.rows.length
    counters.requests_in_flight++
    try {
      await this.#sender.send(group.rows)
    } catch (error) {
      this.#fail(error as Error)
    }
    counters.requests_in_flight--
  }

  async #refuse(error: Error): Promise<void> {
    await this.drain()
    this.#fail(error)
    await this.#rejectWhenSettled()
  }

  /** Nothing more is sent; what is in flight may still be acknowledged. */
  #fail(error: Error): void {
    const isFirst = this.#failure === undefined
    this.#failure = failureOf(this.#failure, error)
    if (!isFirst) return
    clearTimeout(this.#timer)
    this.#outbox.close()
    this.#settled = this.#settle()
  }

  async #settle(): Promise<Error> {
    await this.#outbox.idle()
    this.#giveUpRows()
    const error = this.#failure as CassandraStreamsError
    error.counts = countsOf(this.#counters)
    this.#onFailure(error)
    return error
  }

  async #rejectWhenSettled(): Promise<never> {
    throw (await this.#settled) ?? this.#failure
  }

  #giveUpRows(): void {
    const counters = this.#counters
    counters.rows_failed = counters.rows_accepted - counters.rows_written - counters.rows_deleted
    counters.rows_buffered = 0
    counters.rows_in_flight = 0
  }
}
