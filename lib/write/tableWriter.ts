import { setMaxListeners } from 'node:events'
import type { Group } from '../batch/group.ts'
import { Ring } from '../cluster/ring.ts'
import { type RowError, type RowRange, type SchemaError, WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { type EncodedRow, stamp, timestampsOf } from '../row/encodedRow.ts'
import { partitionKeyOf } from '../row/partitionKey.ts'
import { BadRow, refusalIn } from './badRow.ts'
import { BadRows } from './badRows.ts'
import { type ClusterClock, processArrivals } from './clusterClock.ts'
import type { Dispatcher } from './dispatcher.ts'
import { DoubtfulRow } from './doubtfulRow.ts'
import { undescribed } from './failure.ts'
import { FailureLatch, type Outcome } from './failureLatch.ts'
import { type EncodeResult, LiveTable } from './liveTable.ts'
import type { Permit } from './permit.ts'
import type { Progress } from './progress.ts'
import { RowQueue } from './rowQueue.ts'
import { TableRequests } from './tableRequests.ts'
import type { Tally } from './tally.ts'
import { UnsettledRows } from './unsettledRows.ts'
import type { WritableTable } from './writableTable.ts'
import type { WriterOwner } from './writerOwner.ts'

/** Writes the rows of one table: encodes, stamps, buffers and groups them, waits for their turn, and sends them. */
export class TableWriter {
  readonly #dispatcher: Dispatcher
  readonly #settings: WriteSettings
  readonly #tally: Tally
  readonly #failure: FailureLatch
  readonly #table: LiveTable
  readonly #queue: RowQueue
  readonly #requests: TableRequests
  readonly #badRows: BadRows
  readonly #progress: Progress | undefined
  readonly #unsettled: UnsettledRows
  readonly #unacknowledged: () => readonly RowRange[]
  readonly #closing = new AbortController()
  readonly #release: () => Promise<void>
  #nextIndex = 0

  constructor(
    dispatcher: Dispatcher,
    { schema, readAt, latest_expiry_s }: WritableTable,
    settings: WriteSettings,
    tally: Tally,
    { onFailure, progress, release, unacknowledged }: WriterOwner,
  ) {
    const { keyspace, table: name, request_timeout_ms: timeout_ms } = settings
    const { client, clock } = dispatcher
    const { signal } = this.#closing
    // Every request that waits for its next try listens, and Node warns from the eleventh on.
    setMaxListeners(0, signal)
    dispatcher.join(tally)
    this.#dispatcher = dispatcher
    this.#settings = settings
    this.#tally = tally
    this.#release = release
    this.#progress = progress
    this.#failure = new FailureLatch(() => this.#settle(), onFailure)
    this.#badRows = new BadRows(settings, tally, this.#failure)
    const source = { client, keyspace, table: name, timeout_ms, signal }
    this.#table = new LiveTable(source, schema, readAt, { ...settings, latest_expiry_s }, clock)
    const ring = new Ring(client, keyspace, partitionKeyOf)
    this.#queue = new RowQueue(dispatcher, settings, {
      replicaSetOf: row => ring.replicaSetOf(row),
      send: (group, permit) => this.#send(group, permit),
      flushed: () => progress?.flushed(),
      landed: () => progress?.advanced(),
      failed: error => this.#failure.fail(error),
    })
    const rowRefused = (error: RowError, row: EncodedRow) => this.#rowRefused(error, row)
    const parts = { client, ring, table: this.#table, tally, signal, rowRefused }
    this.#requests = new TableRequests(parts, settings)
    this.#unsettled = new UnsettledRows(
      () => this.#requests.unsettled(),
      () => this.#queue.rows(),
    )
    this.#unacknowledged = unacknowledged ?? (() => this.#unsettled.ranges(this.#nextIndex))
  }

  /** The clock of the rows' write times. */
  get clock(): ClusterClock {
    return this.#dispatcher.clock
  }

  /**
   * Reads a row once and turns it into bytes with its place in the order, or into the reason why it cannot be stored. Later
   * changes to the row have no effect.
   *
   * @param arrival place of a row that came before the table was known
   */
  encode(row: unknown, arrival?: number): EncodeResult {
    const encoded = this.encodeUnstamped(row)
    if (this.#settings.timestamp_column !== undefined) return encoded
    if (!('slab' in encoded)) {
      if (encoded instanceof DoubtfulRow) encoded.arrival = arrival ?? processArrivals().early()
      return encoded
    }
    const { clock } = this
    stamp(encoded, arrival === undefined ? clock.next(timestampsOf(encoded)) : clock.at(arrival))
    return encoded
  }

  /**
   * Like {@link encode}, without a place in the order: the caller stamps the row before adding it.
   * @param ttl seconds to live of rows that name none, instead of those of the settings
   */
  encodeUnstamped(row: unknown, ttl?: number): EncodeResult {
    return this.#table.encode(row, this.#nextIndex++, ttl)
  }

  /** Decides about a row with a name that may have been added to the table. Reads the schema again if needed. */
  async settle(row: DoubtfulRow): Promise<EncodedRow | BadRow | Error> {
    const settled = await this.#failure.unlessEnded(this.#table.settle(row))
    if ('slab' in settled && row.arrival !== undefined) stamp(settled, this.clock.at(row.arrival))
    return settled
  }

  /**
   * Accepts an encoded row. Returns a promise only if the next row must wait. A bad row rejects after the rows before it are
   * written.
   */
  add(row: EncodeResult): undefined | Promise<void> {
    if (this.#failure.isClosed) return this.#failure.rejection()
    if ('slab' in row) {
      this.#tally.rowAccepted()
      this.#unsettled.took(row.index)
      return this.push(row)
    }
    if (row instanceof DoubtfulRow) return this.settle(row).then(settled => this.add(settled))
    return row instanceof BadRow ? this.setAside(row).catch(error => this.#refuse(error)) : this.#refuse(row)
  }

  /** Number of rows at the start of the stream that are settled. */
  settledRows(known: number): number {
    return this.#unsettled.settled(known)
  }

  /** Whether all rows are settled. */
  get isIdle(): boolean {
    return this.#queue.isIdle
  }

  /** Gives a bad row to `on_bad_row`. Resolves when the handler is done with it, and rejects if the writer ends first. */
  async setAside(row: BadRow): Promise<void> {
    if (this.#failure.isClosed) return this.#failure.rejection()
    // Somebody also waits for the rows before it.
    if (this.#progress?.isAwaited(row.error.row_index) === true) this.#queue.flush()
    const counted = () => this.#unsettled.took(row.error.row_index)
    await this.#badRows.setAside(row, false, counted)
    if (this.#failure.isClosed) await this.#failure.rejection()
    this.#progress?.advanced()
  }

  /** Counts a row that was set aside before. */
  passOver(): void {
    this.#tally.rowSetAside(false)
  }

  /**
   * The error that {@link add} would report for a row, or undefined. Writes and counts nothing.
   * @throws the error that the stream fails with, for example SchemaError
   */
  async validate(row: unknown): Promise<RowError | undefined> {
    const encoded = this.#table.encode(row, this.#nextIndex)
    return refusalIn(encoded instanceof DoubtfulRow ? await this.#table.settle(encoded) : encoded)
  }

  /** Counts a row that is given to {@link push} later. */
  accept(): void {
    if (!this.#failure.isClosed) this.#tally.rowAccepted()
  }

  /** Counts rows as failed that were accepted and are never pushed. */
  giveUp(rows: number): void {
    // After a failure all rows without an acknowledgement count as failed.
    if (!this.#failure.isClosed) this.#tally.rowsDropped(rows)
  }

  /** Like {@link add}, for a row that is already counted. */
  push(row: EncodedRow): undefined | Promise<void> {
    if (this.#failure.isClosed) return this.#failure.rejection()
    const room = this.#queue.push(row, this.#progress?.isAwaited(row.index) === true)
    if (this.#failure.isClosed) return this.#failure.rejection()
    return room?.then(() => (this.#failure.isClosed ? this.#failure.rejection() : undefined))
  }

  /** Like {@link drain}, for the last time. Also verifies that all rows went to the table that exists now. */
  async finish(): Promise<void> {
    await this.drain()
    if (this.#tally.counts.rows_accepted === 0) return
    await this.checkBadRows()
    await this.#refuse(await this.#failure.unlessEnded(this.#table.lastChange()))
    await this.nextMillisecond()
  }

  /** As {@link ClusterClock.nextMillisecond}. Rejects when the writer is closed. */
  nextMillisecond(): Promise<void> {
    return this.clock.nextMillisecond(this.#closing.signal)
  }

  /** Rows that were given and are not known to be written or set aside. */
  get unacknowledged(): readonly RowRange[] {
    return this.#unacknowledged()
  }

  /** Rejects if too many of all rows were bad. */
  checkBadRows(): Promise<void> {
    return this.#refuse(this.#badRows.tooMany())
  }

  /**
   * The change of the table since the writer was opened, or undefined if it is the same. Asked when all rows are acknowledged,
   * it shows whether they went to the right table.
   * @throws WriteError if no node answers within `retry_timeout_ms`.
   */
  async tableChange(): Promise<SchemaError | undefined> {
    const { request_timeout_ms, retry_timeout_ms } = this.#settings
    const limit_ms = Math.max(request_timeout_ms, retry_timeout_ms)
    return await this.#table.change(limit_ms).catch((error: Error) => {
      if (this.#failure.isClosed) return this.#failure.rejection()
      throw undescribed(error, limit_ms)
    })
  }

  /** Sets the start of the time to live for this row and later ones, on the clock of `performance.now()`, however late they leave. */
  liveFrom(row_index: number, moment: number): void {
    this.#requests.liveFrom(row_index, moment)
  }

  /** Resolves when Cassandra has acknowledged every row that was accepted so far. */
  async drain(): Promise<void> {
    await this.#queue.settled()
    if (this.#failure.isClosed) await this.#failure.rejection()
  }

  /** Stops at once: rows not acknowledged by now count as failed. Other tables continue. Never throws. */
  async close(): Promise<void> {
    const reason = new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
    this.#failure.leave(reason)
    this.#closing.abort(reason)
    this.#stop()
    this.#table.close()
    this.#queue.abandon()
    this.#tally.close()
    reason.counts = this.#tally.counts
    reason.unacknowledged = this.unacknowledged
    this.#dispatcher.leave(this.#tally)
    await this.#release()
  }

  /** Sends the buffer. */
  flush(): void {
    if (!this.#failure.isClosed) this.#queue.flush()
  }

  async #send({ rows }: Group, permit: Permit): Promise<void> {
    this.#tally.groupLeft(rows.length)
    try {
      await this.#dispatcher.sender.send(rows, this.#requests, permit)
    } catch (error) {
      this.#failure.fail(error as Error)
    }
    this.#tally.groupReturned()
  }

  /** A row that only Cassandra refuses keeps its permit until `on_bad_row` is done with it, or the writer ends. */
  async #rowRefused(error: RowError, { given }: EncodedRow): Promise<boolean> {
    if (given !== undefined) await this.#badRows.setAside(new BadRow(error, given), true)
    else {
      this.#tally.rowRefused()
      this.#failure.fail(error)
    }
    return given !== undefined
  }

  /** Ends with the error, if there is one, once the rows before it are written. */
  async #refuse(error: Error | undefined): Promise<void> {
    if (error === undefined) return
    await this.drain()
    this.#failure.fail(error)
    await this.#failure.rejection()
  }

  /** Sends nothing more. Rows in flight may still be acknowledged. */
  #stop(): void {
    this.#badRows.end()
    this.#unsettled.drop(this.#queue.rows())
    this.#queue.close()
  }

  async #settle(): Promise<Outcome> {
    this.#stop()
    await this.#queue.answered()
    this.#tally.close()
    return { counts: this.#tally.counts, unacknowledged: this.unacknowledged }
  }
}
