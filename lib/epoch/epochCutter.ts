import { checkBeginning, MOST_SET_ASIDE, type Seal } from '../checkpoint/epoch.ts'
import type { Json } from '../json.ts'
import type { EpochSettings } from '../options/settings.ts'
import { DoubtfulRow } from '../write/doubtfulRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import { type EpochMoments, newMoment } from './epochMoments.ts'
import type { EpochRows } from './epochRows.ts'
import type { EpochWriter } from './epochWriter.ts'
import { MOST_ROWS_PER_TURN, pause } from './rowSource.ts'

/** Maximum number of bytes of an epoch. It is half of the limit because one epoch is collected while another is written. */
export function maxEpochBytes({ max_buffered_bytes }: EpochSettings): number {
  return max_buffered_bytes / 2
}

/** Rows of the first epoch, at most. Each further one may have twice as many, up to `rows_per_epoch`. */
const FIRST_EPOCH_ROWS = 1_000

/** Resolves when the epoch is committed. */
type WriteEpoch = (epoch_id: number, epoch: EpochRows, moments: EpochMoments) => Promise<void>

/**
 * Cuts a stream of rows into epochs by count, bytes and time. An epoch is collected while rows of the one before are sent. Once it
 * is full, it is sealed, and its own rows follow. The next one is collected only then, so no more than two are in memory.
 */
export class EpochCutter {
  readonly #writer: EpochWriter
  readonly #settings: EpochSettings
  readonly #progress: Progress
  readonly #write: WriteEpoch
  #epoch: EpochRows
  #nextId: number
  /** Epochs that an earlier run began: the next epochs must repeat them. */
  readonly #replays: Seal[]
  /** Rows of a full epoch. Few at first: Cassandra has nothing to do while the first epoch is collected. */
  #mostRows: number
  readonly #rowsPerTurn: number
  #timer: NodeJS.Timeout | undefined
  /** Settles when the row that `on_bad_row` is handling is in the epoch. */
  #adding: Promise<void> | undefined
  /** Settles when the collected epoch has begun to be written. Until then it waits for the one before. */
  #cutting: Promise<void> | undefined
  /** Settles when the epoch that is written is committed. */
  #writing: Promise<void> = Promise.resolve()
  /** Resolves when the commit of that epoch is being recorded. */
  #committing: Promise<void> = Promise.resolve()
  /** As `#committing`, for the epoch before. */
  #committingBefore: Promise<void> = Promise.resolve()
  /** Resolves when all rows of the epoch that was begun last have been sent. */
  #sending: Promise<void> = Promise.resolve()
  /** Resolves when rows of the epoch that was begun last may be sent, or when it has failed. */
  #sealing: Promise<void> = Promise.resolve()

  /** Error of the first epoch that failed. No epoch follows it. */
  #error: Error | undefined

  constructor(writer: EpochWriter, settings: EpochSettings, progress: Progress, write: WriteEpoch) {
    this.#progress = progress
    this.#writer = writer
    this.#settings = settings
    this.#write = write
    this.#replays = [...writer.begun]
    this.#rowsPerTurn = Math.min(MOST_ROWS_PER_TURN, settings.rows_per_batch)
    this.#mostRows = Math.min(FIRST_EPOCH_ROWS, settings.rows_per_epoch)
    this.#epoch = writer.newEpoch(this.#replay)
    this.#nextId = (writer.committed?.epoch_id ?? -1) + 1
    if (this.#replay?.rows === 0) this.#cut().catch(() => {})
  }

  get #replay(): Seal | undefined {
    return this.#replays[0]
  }

  /** Returns a promise only when the next row must wait. A bad row rejects it, and no row of its epoch is written. */
  add(row: EncodeResult, position: Json | undefined): undefined | Promise<void> {
    // Otherwise the row would be added to an epoch without rows that waits to be replayed.
    if (this.#replay?.rows === 0 && this.#cutting !== undefined)
      return this.#cutting.then(() => this.add(row, position))
    if (row instanceof DoubtfulRow)
      return this.#writer.settle(row).then(settled => this.add(settled, position))
    if (this.#replay === undefined && !this.#writer.fits(this.#epoch, row))
      return this.#cut(true)
        .then(() => this.#sealing)
        .then(() => this.add(row, position))
    let wait: undefined | Promise<void>
    try {
      wait = this.#writer.collect(this.#epoch, row, position, this.#replay)
    } catch (error) {
      return this.#refuse(error as Error)
    }
    if (wait === undefined) return this.#added()
    this.#adding = wait
    wait.catch(() => {})
    return wait.then(
      () => this.#added(),
      (error: Error) => this.#refuse(error),
    )
  }

  #added(): undefined | Promise<void> {
    // The epoch was cut in the meantime.
    if (this.#epoch.count === 0) return undefined
    // The wait lets this epoch's rows be sent. A source that always has rows ready would otherwise block the event loop.
    if (this.#isFull()) return this.#cut(true).then(() => this.#sealing)
    if (this.#replay === undefined) {
      this.#timer ??= setTimeout(() => this.#cut().catch(() => {}), this.#settings.epoch_interval_ms)
    }
    // The event loop reads answers then.
    return this.#epoch.count % this.#rowsPerTurn === 0 ? pause() : undefined
  }

  /** Size of the epoch that is being collected. */
  get collected(): Pick<EpochRows, 'bytes' | 'count'> {
    return this.#epoch
  }

  /** Whether the epoch that is being collected is a replay. A replay must end at the same row as the first attempt. */
  get isReplaying(): boolean {
    return this.#replay !== undefined
  }

  /** Moves the position of the epoch without a row. An epoch without rows is also committed, to keep its position. */
  pass(position: Json): void {
    if (this.#replay !== undefined) return
    this.#epoch.position = position
    this.#timer ??= setTimeout(() => this.#cut().catch(() => {}), this.#settings.epoch_interval_ms)
  }

  /** Ends the epoch now, with the rows that it has. Does nothing to a replay, which has a fixed end. */
  cut(): void {
    if (this.#replay === undefined && this.#epoch.count > 0) this.#cut().catch(() => {})
  }

  /**
   * Ends the last epoch with the rows that it has, and resolves when it is committed. A replay that is not complete stays sealed.
   */
  async finish(): Promise<void> {
    await this.#cutting
    if (this.#replay !== undefined) checkBeginning(this.#replay, this.#epoch.count, this.#epoch.blocks)
    else if (this.#epoch.count > 0 || this.#epoch.position !== undefined) await this.#cut(true)
    await this.#writing
  }

  /** Ends the epoch now if this row is its last. Does nothing to a replay, which has a fixed end. */
  flush(row_index: number): void {
    const isLast = this.#epoch.count > 0 && this.#epoch.lastIndex === row_index
    if (isLast && this.#replay === undefined) this.#cut().catch(() => {})
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #isFull(): boolean {
    const { count, bytes, set_aside, lastIndex } = this.#epoch
    if (this.#replay !== undefined) return count >= this.#replay.rows
    if (this.#progress.isAwaited(lastIndex)) return true
    const isLong = count >= this.#mostRows || set_aside.length >= MOST_SET_ASIDE
    return isLong || bytes >= maxEpochBytes(this.#settings)
  }

  /**
   * Ends the collected epoch, and resolves when it has begun to be written.
   * @param isLast whether no row comes until its own rows may be sent. Otherwise it takes rows until those of the epoch before
   * have been sent, so that no third epoch is in memory
   */
  #cut(isLast = false): Promise<void> {
    this.#cutting ??= this.#cutInTurn(isLast).finally(() => {
      this.#cutting = undefined
    })
    return this.#cutting
  }

  async #cutInTurn(isLast: boolean): Promise<void> {
    // A replay may need write times above those of the epoch before it. These are known once that epoch is committed.
    if (this.#replay !== undefined) await this.#writing
    else await (isLast ? this.#sealing : this.#sending)
    // At most two epochs are sealed and not committed. The checkpoint can record this seal together with that commit.
    await this.#committingBefore
    // Another bad row may come in the turn in which this one is added. It belongs to this epoch.
    for (let seen: Promise<void> | undefined; seen !== this.#adding; ) {
      seen = this.#adding
      await seen
    }
    if (this.#error !== undefined) throw this.#error
    this.#launch()
    // No row follows for the replay of an epoch without rows, so it is written at once.
    while (this.#replay?.rows === 0) {
      await this.#writing
      this.#launch()
    }
  }

  #launch(): void {
    this.stop()
    const epoch = this.#epoch
    this.#replays.shift()
    if (epoch.count >= this.#mostRows)
      this.#mostRows = Math.min(this.#mostRows * 2, this.#settings.rows_per_epoch)
    this.#epoch = this.#writer.newEpoch(this.#replay)
    this.#committingBefore = this.#committing
    const sealed = newMoment()
    const sent = newMoment()
    const committing = newMoment()
    this.#writing = this.#write(this.#nextId++, epoch, {
      sealed: sealed.reach,
      sent: sent.reach,
      committing: committing.reach,
    })
    this.#writing.catch(error => {
      this.#error ??= error
      sealed.reach()
    })
    this.#sealing = sealed.reached
    this.#sending = Promise.race([sent.reached, this.#writing])
    this.#sending.catch(() => {})
    this.#committing = Promise.race([committing.reached, this.#writing])
    this.#committing.catch(() => {})
  }

  /** Rejects when the epochs before are committed. No row of this one is written. */
  async #refuse(error: Error): Promise<void> {
    this.stop()
    // If `on_bad_row` failed, an epoch that waits for its turn fails too: it has the bad row.
    await this.#cutting?.catch(() => {})
    await this.#writing
    throw error
  }
}
