import { checkBeginning, MOST_SET_ASIDE, type Seal } from '../checkpoint/epoch.ts'
import type { Json } from '../json.ts'
import type { EpochSettings } from '../options/settings.ts'
import { DoubtfulRow } from '../write/doubtfulRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import type { EpochRows } from './epochRows.ts'
import type { EpochMoments, EpochWriter } from './epochWriter.ts'

/** Most bytes of an epoch: one is collected while another is written. */
export function maxEpochBytes({ max_buffered_bytes }: EpochSettings): number {
  return max_buffered_bytes / 2
}

/** Rows of the first epoch, at most. Each further one may have twice as many, up to `rows_per_epoch`. */
export const FIRST_EPOCH_ROWS = 1_000

/** Resolves when the epoch is committed. */
type WriteEpoch = (epoch_id: number, epoch: EpochRows, moments: EpochMoments) => Promise<void>

/**
 * Cuts rows into epochs by their number, bytes and time. The next epoch is collected while one is written, and begins
 * when all rows of that one have left.
 */
export class EpochCutter {
  readonly #writer: EpochWriter
  readonly #settings: EpochSettings
  readonly #progress: Progress
  readonly #write: WriteEpoch
  #epoch: EpochRows
  #nextId: number
  /** What the next epochs must be, because they were begun by an earlier run. */
  readonly #replays: Seal[]
  /** Rows of a full epoch. Few at first: Cassandra has nothing to do while the first epoch is collected. */
  #mostRows: number
  #timer: NodeJS.Timeout | undefined
  /** A row that is not in the epoch yet: `on_bad_row` is at it. */
  #adding: Promise<void> | undefined
  /** The collected epoch waits for the one that is written. */
  #cutting: Promise<void> | undefined
  #writing: Promise<void> = Promise.resolve()
  /** As `#writing`, of the epoch before. */
  #writingBefore: Promise<void> = Promise.resolve()
  /** Resolves when all rows of the one that is written have left. */
  #sending: Promise<void> = Promise.resolve()
  /** Resolves when rows of the one that is written may leave, or never will. */
  #sealing: Promise<void> = Promise.resolve()

  constructor(writer: EpochWriter, settings: EpochSettings, progress: Progress, write: WriteEpoch) {
    this.#progress = progress
    this.#writer = writer
    this.#settings = settings
    this.#write = write
    this.#replays = [...writer.begun]
    this.#mostRows = Math.min(FIRST_EPOCH_ROWS, settings.rows_per_epoch)
    this.#epoch = writer.newEpoch(this.#replay)
    this.#nextId = (writer.committed?.epoch_id ?? -1) + 1
    if (this.#replay?.rows === 0) this.#cut().catch(() => {})
  }

  get #replay(): Seal | undefined {
    return this.#replays[0]
  }

  /** Returns a promise only when the next row must wait. A bad row rejects, and nothing of its epoch is written. */
  add(row: EncodeResult, position: Json | undefined): undefined | Promise<void> {
    // It would become the row of an epoch that has none.
    if (this.#replay?.rows === 0 && this.#cutting !== undefined)
      return this.#cutting.then(() => this.add(row, position))
    if (row instanceof DoubtfulRow)
      return this.#writer.settle(row).then(settled => this.add(settled, position))
    let wait: undefined | Promise<void>
    try {
      wait = this.#writer.collect(this.#epoch, row, position, this.#replay)
    } catch (error) {
      return this.#refuse(error as Error)
    }
    if (wait === undefined) return this.#added()
    this.#adding = wait
    wait.catch(() => {})
    return wait.then(() => this.#added())
  }

  #added(): undefined | Promise<void> {
    // It was cut just now.
    if (this.#epoch.count === 0) return undefined
    // A source that has all rows at hand would keep the next epoch's rows from leaving, while Cassandra waits for them.
    if (this.#isFull()) return this.#cut().then(() => this.#sealing)
    if (this.#replay === undefined) {
      this.#timer ??= setTimeout(() => this.#cut().catch(() => {}), this.#settings.epoch_interval_ms)
    }
    // Nor are answers taken while rows come without a pause.
    return this.#epoch.count % this.#settings.rows_per_batch === 0 ? pause() : undefined
  }

  /** Bytes of the epoch that is collected. */
  get collectedBytes(): number {
    return this.#epoch.bytes
  }

  /** Whether the epoch that is collected was begun by an earlier run, so that it ends where it ended then. */
  get isReplaying(): boolean {
    return this.#replay !== undefined
  }

  /** The source has come this far without a row: the epoch takes that along, also when it gets none. */
  pass(position: Json): void {
    if (this.#replay !== undefined) return
    this.#epoch.position = position
    this.#timer ??= setTimeout(() => this.#cut().catch(() => {}), this.#settings.epoch_interval_ms)
  }

  /** Ends the epoch now, with the rows that it has. A replay is as long as it was. */
  cut(): void {
    if (this.#replay === undefined && this.#epoch.count > 0) this.#cut().catch(() => {})
  }

  /**
   * Resolves when the last epoch is committed, which holds what rows there are. A replay that is not complete stays sealed.
   */
  async finish(): Promise<void> {
    await this.#cutting
    if (this.#replay !== undefined) checkBeginning(this.#replay, this.#epoch.count, this.#epoch.blocks)
    else if (this.#epoch.count > 0 || this.#epoch.position !== undefined) await this.#cut()
    await this.#writing
  }

  /** Ends the epoch now if this was its last row. A replay is as long as it was. */
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

  /** Resolves when the next epoch may be collected. */
  #cut(): Promise<void> {
    this.#cutting ??= this.#cutInTurn().finally(() => {
      this.#cutting = undefined
    })
    return this.#cutting
  }

  async #cutInTurn(): Promise<void> {
    // A replay may need later write times than those of the epoch before it, whose commit tells them.
    await (this.#replay === undefined ? this.#sending : this.#writing)
    // Two are begun at most.
    await this.#writingBefore
    await this.#adding
    this.#launch()
    // No row begins the replay of an epoch that has none.
    while (this.#replay?.rows === 0) {
      await this.#writing
      this.#launch()
    }
  }

  #launch(): void {
    this.stop()
    const epoch = this.#epoch
    this.#replays.shift()
    this.#mostRows = Math.min(this.#mostRows * 2, this.#settings.rows_per_epoch)
    this.#epoch = this.#writer.newEpoch(this.#replay)
    this.#writingBefore = this.#writing
    let sealed = () => {}
    let sent = () => {}
    this.#sealing = new Promise(resolve => {
      sealed = resolve
    })
    const sending = new Promise<void>(resolve => {
      sent = resolve
    })
    this.#writing = this.#write(this.#nextId++, epoch, { sealed, sent })
    this.#writing.catch(sealed)
    this.#sending = Promise.race([sending, this.#writing])
    this.#sending.catch(() => {})
  }

  async #refuse(error: Error): Promise<void> {
    this.stop()
    await this.#cutting
    await this.#writing
    throw error
  }
}

/** Resolves in a later turn of the event loop. */
function pause(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
