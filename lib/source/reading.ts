import { CheckpointError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { placeOf, type ReadPosition } from '../read/place.ts'
import type { PlainRow } from '../read/rowPlan.ts'
import { TableReader } from '../read/tableReader.ts'
import { ReadCheckpoint } from './readCheckpoint.ts'

/** A source that is read, whatever stream gives its rows: its table, and how far it came. */
export class Reading {
  readonly #leaving = new AbortController()
  readonly #hasCheckpoint: boolean
  readonly #opened: Promise<TableReader>
  readonly #onFailure: (error: Error) => void
  #checkpoint: ReadCheckpoint | undefined

  /** @param onFailure hears when positions can no longer be kept: nobody may look at what `acknowledge()` returns */
  constructor(settings: ReadSettings, onFailure: (error: Error) => void) {
    this.#onFailure = onFailure
    this.#hasCheckpoint = settings.checkpoint_location !== undefined
    this.#opened = TableReader.open(settings, this.#leaving.signal, async target => {
      const { checkpoint_location, after = null } = settings
      if (checkpoint_location === undefined) return after
      // Opening may be tried again.
      this.#checkpoint ??= await ReadCheckpoint.open(
        settings,
        checkpoint_location,
        target,
        this.#leaving.signal,
      )
      return this.#checkpoint.position
    })
    this.#opened.catch(() => {})
  }

  async opened(): Promise<void> {
    await this.#opened
  }

  /** The next rows, one or more; undefined behind the last one. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    return (await this.#opened).next()
  }

  /** @throws CheckpointError `ERR_CASSANDRA_POSITION` */
  positionOf(row: object): ReadPosition {
    const place = placeOf(row)
    if (place !== undefined) return place.position
    throw new CheckpointError(
      'ERR_CASSANDRA_POSITION',
      'The row has no position. A source with `after`, `checkpoint_location` or `follow` gives each row one, and a ' +
        'copy of a row as `{ ...row }` keeps it',
    )
  }

  /** @throws CheckpointError; OptionError for what is no position of a row of this table */
  acknowledge(position: Json): Promise<void> {
    const kept = this.#acknowledge(position)
    kept.catch(this.#onFailure)
    return kept
  }

  async #acknowledge(position: Json): Promise<void> {
    if (!this.#hasCheckpoint) {
      throw new CheckpointError(
        'ERR_CASSANDRA_POSITION',
        'The position cannot be kept, since the source has no `checkpoint_location`',
      )
    }
    const reader = await this.#opened
    reader.checkPosition(position)
    await this.#checkpoint?.acknowledge(position)
  }

  /** What is under way ends with this reason. */
  leave(reason: unknown): void {
    this.#leaving.abort(reason)
  }

  /** Gives everything back. Never throws. */
  async close(reason: unknown): Promise<void> {
    this.leave(reason)
    await this.#opened.then(
      reader => reader.close(),
      () => {},
    )
    await this.#checkpoint?.close()
  }
}
