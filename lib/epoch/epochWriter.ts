import type { Seal } from '../checkpoint/epoch.ts'
import { channels, type EpochContext, traceEach } from '../diagnostics.ts'
import type { RowError, RowRange } from '../errors.ts'
import { copyOfJson, type Json } from '../json.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { StoredTable } from '../table/schema.ts'
import { BadRow, indexOf } from '../write/badRow.ts'
import type { DoubtfulRow } from '../write/doubtfulRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import type { TableWriter } from '../write/tableWriter.ts'
import type { EpochMoments } from './epochMoments.ts'
import { EpochRows } from './epochRows.ts'
import { Replays } from './replays.ts'
import type { SealedEpochs } from './sealedEpochs.ts'

/** The last commit: how much of the source is in the table. */
export interface LastCommit {
  /** Counts from 0. */
  readonly epoch_id: number
  /** Position of the source after the last row, as the option `position` gave it; null without that option. */
  readonly position: Json | null
  /** Rows of all committed epochs. A source without a position must skip that many rows. */
  readonly rows_total: number
}

/** An epoch whose rows are all durably in the table. */
export interface CommittedEpoch {
  /** Counts from 0. */
  readonly epoch_id: number
  /** Rows of this epoch, including those set aside. */
  readonly rows: number
  /** As in {@link LastCommit}. */
  readonly position: Json | null
}

/**
 * Writes epochs. Each goes through SEAL, sending all rows, waiting for all acknowledgements, and COMMIT. The next epoch is sealed
 * while rows of this one are sent, and its own rows follow at once, so Cassandra never idles between epochs. Commits keep the
 * order of epochs.
 */
export class EpochWriter {
  readonly #writer: TableWriter
  readonly #epochs: SealedEpochs
  readonly #schema: StoredTable
  readonly #rowsHaveTimestamps: boolean
  readonly #ttl: number | undefined
  readonly #replays: Replays
  /** Settles when the last epoch that was begun is committed. */
  #written: Promise<unknown> = Promise.resolve()
  /** Settles when all rows of the last epoch that was begun have been sent. */
  #sent: Promise<unknown> = Promise.resolve()
  readonly #progress: Progress
  /** How many rows, from the first one on, are in committed epochs. */
  #committedRows = 0
  #encodedRows = 0

  constructor(
    writer: TableWriter,
    epochs: SealedEpochs,
    schema: StoredTable,
    { timestamp_column, ttl }: EpochSettings,
    progress: Progress,
  ) {
    this.#progress = progress
    this.#writer = writer
    this.#epochs = epochs
    this.#schema = schema
    this.#rowsHaveTimestamps = timestamp_column !== undefined
    this.#ttl = ttl
    this.#replays = new Replays(epochs.state)
  }

  get committed(): LastCommit | null {
    const { committed } = this.#epochs.state
    if (committed === undefined) return null
    const { epoch_id, position, rows_total } = committed
    return { epoch_id, position: copyOfJson(position), rows_total }
  }

  /** Rows that are not known to be durably written: those after the last commit. */
  get unacknowledged(): readonly RowRange[] {
    if (this.#encodedRows <= this.#committedRows) return []
    return [{ from: this.#committedRows, to: this.#encodedRows - 1 }]
  }

  settledRows(): number {
    return this.#committedRows
  }

  get isIdle(): boolean {
    return this.#encodedRows === this.#committedRows
  }

  /** The oldest epoch that may be partly written. It is committed before any other. */
  get sealed(): Seal | undefined {
    return this.#epochs.state.sealed
  }

  /** The epochs that an earlier run began, in order. They are replayed before any new epoch. */
  get begun(): readonly Seal[] {
    return this.#replays.seals
  }

  /** Encodes a row of a stream. Its first rows belong to the epochs that an earlier run began. */
  encode(row: unknown): EncodeResult {
    this.#encodedRows++
    const replayed = this.#replays.ofNextRow()
    return this.#writer.encodeUnstamped(row, replayed && this.#ttlBy(replayed.table_ttl))
  }

  /** Encodes a row of the next epoch. */
  encodeFor(epoch: EpochRows, row: unknown): EncodeResult {
    this.#encodedRows++
    const isFirst = epoch.rows.length === 0 && this.sealed === undefined
    return this.#writer.encodeUnstamped(row, isFirst ? undefined : this.#ttlBy(epoch.table_ttl))
  }

  /** Rows of a replay get the default time to live of the first attempt, even if the table's default has changed. */
  #ttlBy(table_ttl: number | undefined): number {
    return this.#ttl ?? table_ttl ?? this.#schema.default_time_to_live
  }

  /** Whether a new row may be in this epoch: the table's default time to live may have changed after the rows before it. */
  fits(epoch: EpochRows, row: EncodeResult): boolean {
    return this.#ttl !== undefined || !('slab' in row) || epoch.sharesTtl(row)
  }

  /** As {@link TableWriter.settle}. */
  settle(row: DoubtfulRow): Promise<EncodedRow | BadRow | Error> {
    return this.#writer.settle(row)
  }

  /** @param replay the seal of the epoch to repeat */
  newEpoch(replay?: Seal): EpochRows {
    const table_ttl = replay === undefined ? this.#schema.default_time_to_live : replay.table_ttl
    return new EpochRows(this.#rowsHaveTimestamps, table_ttl, replay?.block_rows)
  }

  /** Does nothing: an epoch is always sent as a whole. */
  flush(): void {}

  /** As {@link TableWriter.nextMillisecond}. */
  nextMillisecond(): Promise<void> {
    return this.#writer.nextMillisecond()
  }

  /** As {@link TableWriter.validate}. */
  validate(row: unknown): Promise<RowError | undefined> {
    return this.#writer.validate(row)
  }

  /**
   * Adds a row to an epoch that is being collected. Returns a promise only when the next row must wait. A replay sets the same
   * rows aside as the first attempt, even if the table would take them now.
   * @param replayed the seal, for a replay
   */
  collect(
    epoch: EpochRows,
    row: EncodedRow | BadRow | Error,
    position: Json | undefined,
    replayed: Seal | undefined,
  ): undefined | Promise<void> {
    epoch.beganAt ??= this.#writer.clock.now()
    const wasSetAside = replayed?.set_aside?.[epoch.set_aside.length] === epoch.count
    if (!wasSetAside && 'slab' in row) {
      epoch.add(row, position)
      this.#writer.accept()
      return undefined
    }
    // The first attempt took this row and may have stored it, so the replay cannot set it aside.
    if (row instanceof BadRow && replayed !== undefined && !wasSetAside) throw row.error
    if (!(row instanceof BadRow || wasSetAside)) throw row
    // The epoch must not be committed before `on_bad_row` has kept the row elsewhere.
    if (row instanceof BadRow)
      return this.#writer.setAside(row).then(() => epoch.addSetAside(indexOf(row), position))
    epoch.addSetAside(indexOf(row), position)
    this.#writer.passOver()
    return undefined
  }

  /** Counts the rows of an epoch that is never written as failed. */
  giveUp(epoch: EpochRows): void {
    this.#writer.giveUp(epoch.rows.length)
  }

  /** @throws CheckpointError for an epoch that does not come next. */
  decide(epoch_id: number): 'new' | 'replay' | 'skip' {
    return this.#epochs.decide(epoch_id)
  }

  /** As {@link SealedEpochs.check}, for the next epoch. */
  check(epoch: EpochRows): void {
    if (this.sealed !== undefined) this.#epochs.check(epoch, this.sealed)
  }

  /**
   * Writes a complete epoch, and resolves when its commit is durable. The epoch before must be sealed. If this one is a replay,
   * that one must be committed.
   * @throws as {@link check}, before anything is written; WriteError
   */
  write(epoch_id: number, epoch: EpochRows, moments: EpochMoments = {}): Promise<CommittedEpoch> {
    const { keyspace, name: table } = this.#schema
    const { sealed } = this
    const replayed = sealed?.epoch_id === epoch_id ? sealed : undefined
    const before = this.#written
    const written = traceEach(
      channels.epoch,
      (): EpochContext => ({
        keyspace,
        table,
        epoch_id,
        rows: epoch.count,
        replayed: replayed !== undefined,
      }),
      () => {
        const sending = this.#sealAndSend(epoch_id, epoch, replayed, this.#sent, moments)
        this.#sent = sending
        return this.#commit(epoch, sending, before, moments)
      },
    )
    this.#written = written
    written.catch(() => {})
    return written
  }

  /** Resolves when all rows of the epoch have been sent, with a promise of their acknowledgements. */
  async #sealAndSend(
    epoch_id: number,
    epoch: EpochRows,
    replayed: Seal | undefined,
    before: Promise<unknown>,
    moments: EpochMoments,
  ): Promise<{ readonly acknowledged: Promise<void> }> {
    if (replayed !== undefined) this.#epochs.check(epoch, replayed)
    const seal = await (replayed === undefined
      ? this.#epochs.seal(epoch_id, epoch)
      : this.#epochs.sealAgain(epoch, replayed))
    await before
    moments.sealed?.()
    await this.#send(epoch, seal, replayed !== undefined)
    const acknowledged = this.#writer.drain()
    moments.sent?.()
    return { acknowledged }
  }

  async #commit(
    epoch: EpochRows,
    sending: Promise<{ readonly acknowledged: Promise<void> }>,
    before: Promise<unknown>,
    { committing }: EpochMoments,
  ): Promise<CommittedEpoch> {
    const { acknowledged } = await sending
    await acknowledged
    const [change] = await Promise.all([this.#writer.tableChange(), this.#writer.nextMillisecond()])
    if (change !== undefined) throw change
    await before
    const recorded = this.#epochs.commit()
    committing?.()
    await recorded
    const { epoch_id, position } = this.committed as LastCommit
    // An epoch without rows has no last row, so its `lastIndex` is -1.
    this.#committedRows = Math.max(this.#committedRows, epoch.lastIndex + 1)
    this.#progress.passed(this.#committedRows - 1, position ?? undefined)
    this.#progress.flushed()
    this.#progress.advanced()
    return { epoch_id, rows: epoch.count, position }
  }

  /** As {@link TableWriter.checkBadRows}. */
  checkBadRows(): Promise<void> {
    return this.#writer.checkBadRows()
  }

  /** Stops at once, and releases the checkpoint. Never throws. */
  async close(): Promise<void> {
    // Rows in flight do no harm to the next owner: they have the write times of the sealed epoch.
    await Promise.all([this.#writer.close(), this.#epochs.close()])
  }

  /** @param isAged whether the time to live of the rows is already reduced by the age of the seal */
  async #send(epoch: EpochRows, seal: Seal, isAged: boolean): Promise<void> {
    const [first] = epoch.rows
    if (first === undefined) return
    // If another process replays this epoch, rows of this process must not expire later than those of the replay.
    const age_ms = isAged ? 0 : this.#epochs.age_ms(seal)
    this.#writer.liveFrom(first.index, performance.now() - age_ms)
    const rows = this.#rowsHaveTimestamps ? epoch.rows : epoch.stampedFrom(Number(seal.timestamp))
    for (const row of rows) {
      const wait = this.#writer.push(row)
      if (wait !== undefined) await wait
    }
    epoch.release()
  }
}
