import { setMaxListeners } from 'node:events'
import { RowBuffer } from '../batch/buffer.ts'
import { type Group, groupRows, type ReplicaSetOf } from '../batch/group.ts'
import { Ring } from '../batch/ring.ts'
import type { Connection } from '../connect/connect.ts'
import { type EncodedRow, stamp, timestampsOf } from '../encode/encodedRow.ts'
import { RowEncoder } from '../encode/row.ts'
import { CassandraStreamsError, WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { OrderClock } from './clock.ts'
import { Semaphore } from './semaphore.ts'
import { Sender } from './sender.ts'
import { type Counters, countsOf } from './stats.ts'
import { openTarget, type WriteTarget } from './target.ts'
import { Window } from './window.ts'

/** A row as bytes, or why it cannot be stored. */
export type TakenRow = EncodedRow | Error

/** Called once, after the requests in flight have settled. */
export type OnFailure = (error: Error) => void

/**
 * Connects and reads the schema; nothing is written yet.
 * @throws ConnectionError, SchemaError, OptionError
 */
export async function openWriter(
  settings: WriteSettings,
  counters: Counters,
  onFailure: OnFailure,
  signal: AbortSignal,
): Promise<Writer> {
  return new Writer(await openTarget(settings, signal), settings, counters, onFailure)
}

/** Rows go down, acknowledgements come back: encode, stamp, buffer, group, take a permit, send. */
export class Writer {
  readonly #connection: Connection
  readonly #settings: WriteSettings
  readonly #counters: Counters
  readonly #clock: OrderClock
  readonly #onFailure: OnFailure
  readonly #encoder: RowEncoder
  readonly #buffer: RowBuffer
  readonly #semaphore: Semaphore
  readonly #sender: Sender
  readonly #replicaSetOf: ReplicaSetOf
  readonly #closing = new AbortController()
  readonly #idleWaiters: (() => void)[] = []
  #nextIndex = 0
  #timer: NodeJS.Timeout | undefined
  #waitingFlushes = 0
  #failure: Error | undefined
  #settled: Promise<Error> | undefined

  constructor(
    { connection, schema, clock }: WriteTarget,
    settings: WriteSettings,
    counters: Counters,
    onFailure: OnFailure,
  ) {
    const { rows_per_batch, max_buffered_bytes, concurrency } = settings
    this.#connection = connection
    this.#settings = settings
    this.#counters = counters
    this.#clock = clock
    this.#onFailure = onFailure
    // Every request that waits for its next try listens, and Node warns from the eleventh on.
    setMaxListeners(0, this.#closing.signal)
    this.#encoder = new RowEncoder(schema, settings)
    // One quarter of the bytes fills, one may wait for permits, half is in flight.
    this.#buffer = new RowBuffer(rows_per_batch, max_buffered_bytes / 4)
    const window = new Window(concurrency)
    this.#semaphore = new Semaphore(() => window.limit, max_buffered_bytes / 2)
    const { client } = connection
    const ring = new Ring(client, settings.keyspace)
    this.#replicaSetOf = row => ring.replicaSetOf(row)
    this.#sender = new Sender({ client, ring, schema }, settings, counters, this.#closing.signal, {
      rowRefused: error => this.#fail(error),
      answered: latency => window.answered(latency, this.#semaphore.taken),
      overloaded: sent => window.overloaded(sent),
    })
  }

  /**
   * Reads a row once and turns it into bytes with its place in the order, or into the reason why it cannot be stored.
   * What the caller does to the row afterwards has no effect.
   *
   * @param timestamp tells the place of a row that came before the table was known
   */
  take(row: unknown, timestamp?: () => number): TakenRow {
    const encoded = this.encode(row)
    if (encoded instanceof Error || this.#settings.timestamp_column !== undefined) return encoded
    stamp(encoded, timestamp?.() ?? this.#clock.next(timestampsOf(encoded)))
    return encoded
  }

  /** As {@link take}, without a place in the order: the caller stamps the row before adding it. */
  encode(row: unknown): TakenRow {
    const index = this.#nextIndex++
    try {
      return this.#encoder.encode(row, index)
    } catch (error) {
      return error as Error
    }
  }

  /**
   * Accepts a taken row. Returns nothing when the next may come at once, and a promise only when it must wait.
   * A bad row rejects after the rows before it are written.
   */
  add(row: TakenRow): undefined | Promise<void> {
    if (this.#failure !== undefined) return this.#rejectWhenSettled()
    if (row instanceof Error) return this.#refuse(row)
    this.#buffer.push(row)
    this.#counters.rows_accepted++
    this.#counters.rows_buffered++
    if (this.#buffer.isFull) return this.#flush()
    this.#timer ??= setTimeout(() => this.#flushOnTime(), this.#settings.flush_interval_ms)
    return undefined
  }

  /** Resolves when Cassandra has acknowledged every accepted row. */
  async drain(): Promise<void> {
    if (this.#failure === undefined) await this.#flush()
    await this.#idle()
    if (this.#failure !== undefined) await this.#rejectWhenSettled()
  }

  /** Stops at once: rows not acknowledged by now count as failed. Never throws. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    const reason = new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
    this.#failure ??= reason
    this.#closing.abort(reason)
    this.#semaphore.close(reason)
    this.#giveUpRows()
    this.#wakeIdle()
    await this.#connection.close()
  }

  #flush(): undefined | Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      return this.#handOver(groupRows(this.#buffer.take(), this.#settings.batch_by, this.#replicaSetOf))
    } catch (error) {
      // Nothing here should throw, but a flush by time has nobody above it to catch what does.
      this.#fail(error as Error)
      return this.#rejectWhenSettled()
    }
  }

  /** A flush by time never queues behind another: the rows wait in the buffer, which is bounded. */
  #flushOnTime(): void {
    this.#timer = undefined
    if (this.#waitingFlushes > 0) {
      this.#timer = setTimeout(() => this.#flushOnTime(), this.#settings.flush_interval_ms)
      return
    }
    this.#flush()?.catch(() => {})
  }

  #handOver(groups: readonly Group[]): undefined | Promise<void> {
    for (const [i, group] of groups.entries()) {
      const wait = this.#semaphore.acquire(group.bytes)
      if (wait !== undefined) return this.#handOverLater(wait, groups.slice(i))
      this.#launch(group)
    }
    return undefined
  }

  async #handOverLater(firstPermit: Promise<void>, groups: readonly Group[]): Promise<void> {
    this.#waitingFlushes++
    let wait: Promise<void> | undefined = firstPermit
    try {
      for (const group of groups) {
        if (wait === undefined) wait = this.#semaphore.acquire(group.bytes)
        if (wait !== undefined) await wait
        wait = undefined
        this.#launch(group)
      }
    } catch {
      await this.#rejectWhenSettled()
    } finally {
      this.#waitingFlushes--
    }
  }

  #launch(group: Group): void {
    this.#counters.rows_buffered -= group.rows.length
    this.#counters.rows_in_flight += group.rows.length
    this.#counters.requests_in_flight++
    this.#sender
      .send(group.rows)
      .catch(error => this.#fail(error))
      .then(() => {
        this.#counters.requests_in_flight--
        this.#semaphore.release(group.bytes)
        if (this.#semaphore.taken === 0) this.#wakeIdle()
      })
  }

  async #idle(): Promise<void> {
    // Whoever closes does not wait, and wakes only those who wait by then.
    if (this.#closing.signal.aborted) return
    if (this.#semaphore.taken > 0) await new Promise<void>(resolve => this.#idleWaiters.push(resolve))
  }

  #wakeIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  async #refuse(error: Error): Promise<void> {
    await this.drain()
    this.#fail(error)
    await this.#rejectWhenSettled()
  }

  /** The first failure is kept. Nothing more is sent; what is in flight may still be acknowledged. */
  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    clearTimeout(this.#timer)
    this.#semaphore.close(error)
    this.#settled = this.#idle().then(() => {
      this.#giveUpRows()
      if (error instanceof CassandraStreamsError) error.counts = countsOf(this.#counters)
      this.#onFailure(error)
      return error
    })
  }

  async #rejectWhenSettled(): Promise<void> {
    throw (await this.#settled) ?? this.#failure
  }

  #giveUpRows(): void {
    const counters = this.#counters
    counters.rows_failed = counters.rows_accepted - counters.rows_written - counters.rows_deleted
    counters.rows_buffered = 0
    counters.rows_in_flight = 0
  }
}
