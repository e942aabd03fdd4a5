import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { checkBeginning, checkReplay, decide, type Seal, type TimestampSpan } from '../checkpoint/epoch.ts'
import { channels, type EpochContext, traceEach } from '../diagnostics.ts'
import { RowError, type RowRange } from '../errors.ts'
import type { Json } from '../json.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { StoredTable } from '../table/schema.ts'
import { BadRow } from '../write/badRow.ts'
import type { ClusterClock } from '../write/clusterClock.ts'
import type { DoubtfulRow } from '../write/doubtfulRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import type { TableWriter } from '../write/tableWriter.ts'
import { EpochRows } from './epochRows.ts'
import { refuseDropped, refuseLate } from './replayLimits.ts'

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

/** Writes epochs one after the other: SEAL, rows, all acknowledgements, COMMIT. */
export class EpochWriter {
  readonly #writer: TableWriter
  readonly #checkpoint: Checkpoint
  readonly #schema: StoredTable
  readonly #clock: ClusterClock
  readonly #rowsHaveTimestamps: boolean
  readonly #ttl: number | undefined
  /** Rows by `write()` that belong to the epoch to be replayed and have not come yet. */
  #rowsToReplay: number
  readonly #progress: Progress
  /** Rows from the first one on that are in committed epochs. */
  #committedRows = 0
  #encodedRows = 0

  constructor(
    writer: TableWriter,
    checkpoint: Checkpoint,
    schema: StoredTable,
    clock: ClusterClock,
    { timestamp_column, ttl }: EpochSettings,
    progress: Progress,
  ) {
    this.#progress = progress
    this.#writer = writer
    this.#checkpoint = checkpoint
    this.#schema = schema
    this.#clock = clock
    this.#rowsHaveTimestamps = timestamp_column !== undefined
    this.#ttl = ttl
    this.#rowsToReplay = this.sealed?.rows ?? 0
  }

  get committed(): LastCommit | null {
    const { committed } = this.#checkpoint.state
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

  /** The epoch that may be written in part, and has to come again before any other. */
  get sealed(): Seal | undefined {
    return this.#checkpoint.state.sealed
  }

  /** For a row of `write()`: the first ones are those of the epoch that was begun. */
  encode(row: unknown): EncodeResult {
    return this.#encode(row, this.#rowsToReplay-- > 0)
  }

  /** For a row of the epoch that comes next. */
  encodeForNext(row: unknown): EncodeResult {
    return this.#encode(row, this.sealed !== undefined)
  }

  /** The table may give rows another time to live by now: those of a replay have that of the first attempt. */
  #encode(row: unknown, isReplay: boolean): EncodeResult {
    this.#encodedRows++
    return this.#writer.encodeUnstamped(row, isReplay ? (this.#ttl ?? this.sealed?.table_ttl) : undefined)
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
   * @param isReplay whether the epoch was sealed before
   */
  collect(
    epoch: EpochRows,
    row: EncodedRow | BadRow | Error,
    position: Json | undefined,
    isReplay: boolean,
  ): undefined | Promise<void> {
    const wasSetAside = isReplay && this.sealed?.set_aside?.[epoch.set_aside.length] === epoch.count
    if (!wasSetAside && !(row instanceof BadRow || row instanceof Error)) {
      epoch.add(row, position)
      this.#writer.accept()
      return undefined
    }
    // The first attempt may have stored it.
    if (row instanceof BadRow && isReplay && !wasSetAside) throw row.error
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
    return decide(this.#checkpoint.state, epoch_id)
  }

  /** @throws CheckpointError for a replay that brings other rows or comes too late. */
  check(epoch: EpochRows): void {
    const { sealed } = this.#checkpoint.state
    if (sealed === undefined) return
    checkReplay(sealed, epoch.count, epoch.blocks)
    refuseLate(sealed, secondsSince(sealed, this.#clock), this.#schema)
    if (!epoch.appends) refuseDropped(sealed, this.#schema, epoch.rows)
  }

  /** @throws CheckpointError if these rows are not the first ones of the sealed epoch, as far as whole blocks tell. */
  checkBeginning(epoch: EpochRows): void {
    const { sealed } = this.#checkpoint.state
    if (sealed !== undefined) checkBeginning(sealed, epoch.count, epoch.blocks)
  }

  /**
   * Writes a complete epoch; resolves when its commit is durable.
   * @param onSealed is called when rows may leave
   * @throws as {@link check}, before anything is written; WriteError
   */
  write(epoch_id: number, epoch: EpochRows, onSealed = () => {}): Promise<CommittedEpoch> {
    const { keyspace, name: table } = this.#schema
    return traceEach(
      channels.epoch,
      (): EpochContext => ({
        keyspace,
        table,
        epoch_id,
        rows: epoch.count,
        replayed: this.sealed !== undefined,
      }),
      () => this.#write(epoch_id, epoch, onSealed),
    )
  }

  async #write(epoch_id: number, epoch: EpochRows, onSealed: () => void): Promise<CommittedEpoch> {
    this.check(epoch)
    const { blocks, block_rows } = epoch
    const { committed, sealed } = this.#checkpoint.state
    if (sealed === undefined) {
      const span = this.#reserve(epoch)
      const position = epoch.position ?? committed?.position ?? null
      const rows_total = (committed?.rows_total ?? 0) + epoch.count
      const rows = epoch.count
      const seal = {
        epoch_id,
        rows,
        blocks,
        block_rows,
        sealed_at_ms: nowOf(this.#clock),
        position,
        rows_total,
        ...(epoch.table_ttl !== undefined && { table_ttl: epoch.table_ttl }),
        ...(epoch.set_aside.length > 0 && { set_aside: epoch.set_aside }),
      }
      await this.#checkpoint.seal({ ...seal, ...span })
    } else {
      epoch.age(secondsSince(sealed, this.#clock))
      // Timestamps of the attempt before may be used up to the last one, and a late request may still bring them.
      if (epoch.appends) await this.#checkpoint.reseal(this.#reserve(epoch))
    }
    onSealed()
    await this.#send(epoch, sealed !== undefined)
    const change = await this.#writer.tableChange()
    if (change !== undefined) throw change
    await this.#checkpoint.commit()
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
    await Promise.all([this.#writer.close(), this.#checkpoint.close().catch(() => {})])
  }

  /** @param isReplay whether the rows have been aged up to now */
  async #send(epoch: EpochRows, isReplay: boolean): Promise<void> {
    // Once another process owns the checkpoint, rows of this one may not outlive those of a replay.
    this.#writer.livesFrom =
      performance.now() - (isReplay ? 0 : nowOf(this.#clock) - Number(this.sealed?.sealed_at_ms))
    const rows = this.#rowsHaveTimestamps ? epoch.rows : epoch.stampedFrom(Number(this.sealed?.timestamp))
    for (const row of rows) {
      const wait = this.#writer.push(row)
      if (wait !== undefined) await wait
    }
    await this.#writer.drain()
  }

  #reserve({ timestamps }: EpochRows): TimestampSpan {
    const count = Math.max(1, timestamps)
    const first = this.#clock.next(count)
    return { timestamp: String(first), last_timestamp: String(first + count - 1) }
  }
}

function indexOf(row: EncodedRow | BadRow | Error): number | undefined {
  if (row instanceof BadRow) return row.error.row_index
  if (row instanceof RowError) return row.row_index
  return row instanceof Error ? undefined : row.index
}

/** Milliseconds since 1970 by the cluster's clock: this machine's may be set, and the next run may be on another. */
const nowOf = (clock: ClusterClock) => Math.floor(clock.now() / 1000)

/** Rounded up: rows may live a little shorter than they would have, never longer. */
function secondsSince({ sealed_at_ms }: Seal, clock: ClusterClock): number {
  return Math.max(0, Math.ceil((nowOf(clock) - sealed_at_ms) / 1000))
}
