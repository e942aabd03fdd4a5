import type { Seal } from '../checkpoint/epoch.ts'
import { channels, type EpochContext, traceEach } from '../diagnostics.ts'
import { RowError, type RowRange } from '../errors.ts'
import type { Json } from '../json.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { StoredTable } from '../table/schema.ts'
import { BadRow } from '../write/badRow.ts'
import type { DoubtfulRow } from '../write/doubtfulRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import type { TableWriter } from '../write/tableWriter.ts'
import { EpochRows } from './epochRows.ts'
import { Replays } from './replays.ts'
import type { SealedEpochs } from './sealedEpochs.ts'

/** Up to where a source is in the table. */
export interface LastCommit {
  /** Counts from 0. */
  readonly epoch_id: number
  /** The source's place after the last row, as the `position` option gave it; null without it. */
  readonly position: Json | null
  /** Rows of all epochs together: how many of them a source without a position has to skip. */
  readonly rows_total: number
}

/** An epoch whose rows are all in the table, for good. */
export interface CommittedEpoch {
  /** Counts from 0. */
  readonly epoch_id: number
  /** Rows of this epoch, those set aside included. */
  readonly rows: number
  /** As in {@link LastCommit}. */
  readonly position: Json | null
}

/** Hears how far an epoch is. */
export interface EpochMoments {
  /** It is sealed: its rows may leave. */
  readonly sealed?: () => void
  /** All of its rows have left: those of the next epoch may follow. */
  readonly sent?: () => void
}

/**
 * Writes epochs: SEAL, rows, all acknowledgements, COMMIT. The next one may begin when all rows of this one have left,
 * so that Cassandra has no pause between them; they are committed in their order.
 */
export class EpochWriter {
  readonly #writer: TableWriter
  readonly #epochs: SealedEpochs
  readonly #schema: StoredTable
  readonly #rowsHaveTimestamps: boolean
  readonly #ttl: number | undefined
  readonly #replays: Replays
  /** Resolves when the epoch that was begun last is committed. */
  #written: Promise<unknown> = Promise.resolve()
  readonly #progress: Progress
  /** Rows from the first one on that are in committed epochs. */
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
    return { epoch_id, position: structuredClone(position), rows_total }
  }

  /** Rows that are not known to be written for good: those after the last commit. */
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

  /** The epoch that may be written in part, and is committed before any other. */
  get sealed(): Seal | undefined {
    return this.#epochs.state.sealed
  }

  /** The epochs that an earlier run began, in their order: they come again before any other. */
  get begun(): readonly Seal[] {
    return this.#replays.seals
  }

  /** For a row of `write()`: the first ones are those of the epochs that were begun. */
  encode(row: unknown): EncodeResult {
    return this.#encode(row, this.#replays.ofNextRow())
  }

  /** For a row of the epoch that comes next. */
  encodeForNext(row: unknown): EncodeResult {
    return this.#encode(row, this.sealed)
  }

  /** The table may give rows another time to live by now: those of a replay have that of the first attempt. */
  #encode(row: unknown, replayed: Seal | undefined): EncodeResult {
    this.#encodedRows++
    return this.#writer.encodeUnstamped(row, replayed && (this.#ttl ?? replayed.table_ttl))
  }

  /** As {@link TableWriter.settle}. */
  settle(row: DoubtfulRow): Promise<EncodedRow | BadRow | Error> {
    return this.#writer.settle(row)
  }

  /** @param replay the epoch that it is to be again */
  newEpoch(replay?: Seal): EpochRows {
    const table_ttl = replay === undefined ? this.#schema.default_time_to_live : replay.table_ttl
    return new EpochRows(this.#rowsHaveTimestamps, table_ttl, replay?.block_rows)
  }

  /** An epoch is sent as a whole. */
  flush(): void {}

  /** As {@link TableWriter.validate}. */
  validate(row: unknown): Promise<Error | undefined> {
    return this.#writer.validate(row)
  }

  /**
   * Adds a row to an epoch that is being collected. Returns a promise only when the next row must wait. A replay sets
   * the same rows aside as the first attempt did, which may be good by now.
   * @param replayed the epoch that it is again
   */
  collect(
    epoch: EpochRows,
    row: EncodedRow | BadRow | Error,
    position: Json | undefined,
    replayed: Seal | undefined,
  ): undefined | Promise<void> {
    const wasSetAside = replayed?.set_aside?.[epoch.set_aside.length] === epoch.count
    if (!wasSetAside && !(row instanceof BadRow || row instanceof Error)) {
      epoch.add(row, position)
      this.#writer.accept()
      return undefined
    }
    // The first attempt may have stored it.
    if (row instanceof BadRow && replayed !== undefined && !wasSetAside) throw row.error
    if (row instanceof Error && !wasSetAside) throw row
    // The epoch may not be committed before its row is kept elsewhere.
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

  /** As {@link SealedEpochs.check}, for the epoch that comes next. */
  check(epoch: EpochRows): void {
    if (this.sealed !== undefined) this.#epochs.check(epoch, this.sealed)
  }

  /**
   * Writes a complete epoch; resolves when its commit is durable. The one before must have left, one that is a replay be
   * committed.
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
      () => this.#write(epoch_id, epoch, replayed, before, moments),
    )
    this.#written = written
    written.catch(() => {})
    return written
  }

  async #write(
    epoch_id: number,
    epoch: EpochRows,
    replayed: Seal | undefined,
    before: Promise<unknown>,
    moments: EpochMoments,
  ): Promise<CommittedEpoch> {
    if (replayed !== undefined) this.#epochs.check(epoch, replayed)
    const seal = await (replayed === undefined
      ? this.#epochs.seal(epoch_id, epoch)
      : this.#epochs.sealAgain(epoch, replayed))
    moments.sealed?.()
    await this.#send(epoch, seal, replayed !== undefined)
    const drained = this.#writer.drain()
    moments.sent?.()
    await drained
    const change = await this.#writer.tableChange()
    if (change !== undefined) throw change
    await before
    await this.#epochs.commit()
    const { position } = this.committed as LastCommit
    // An epoch may have no rows.
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

  /** Stops at once, and gives the checkpoint back. Never throws. */
  async close(): Promise<void> {
    // Rows on their way are harmless to the next owner: their write times are those of the sealed epoch.
    await Promise.all([this.#writer.close(), this.#epochs.close()])
  }

  /** @param isAged whether rows have lost the seconds since they were sealed */
  async #send(epoch: EpochRows, seal: Seal, isAged: boolean): Promise<void> {
    const [first] = epoch.rows
    if (first === undefined) return
    // Once another process owns the checkpoint, rows of this one may not outlive those of a replay.
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

function indexOf(row: EncodedRow | BadRow | Error): number | undefined {
  if (row instanceof BadRow) return row.error.row_index
  if (row instanceof RowError) return row.row_index
  return row instanceof Error ? undefined : row.index
}
