import { CheckpointError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { type Shard, shardName } from '../options/shard.ts'
import { placeOf, type ReadPosition } from '../read/place.ts'
import type { PlainRow } from '../read/rowPlan.ts'
import { TableReader } from '../read/tableReader.ts'
import { ReadCheckpoint } from './readCheckpoint.ts'

/** What both kinds of streams read from: a table, with its checkpoint if there is one. */
export class Reading {
  readonly #leaving = new AbortController()
  readonly #hasCheckpoint: boolean
  readonly #shard: Shard | undefined
  readonly #opened: Promise<TableReader>
  readonly #endWith: (error: Error) => boolean
  #checkpoint: ReadCheckpoint | undefined

  /**
   * @param endWith ends the stream because a position cannot be kept. Returns false if the stream has ended before and cannot
   * report an error
   */
  constructor(settings: ReadSettings, endWith: (error: Error) => boolean) {
    this.#endWith = endWith
    this.#shard = settings.shard
    this.#hasCheckpoint = settings.checkpoint_location !== undefined
    this.#opened = TableReader.open(settings, this.#leaving.signal, async target => {
      const { checkpoint_location, after = null } = settings
      if (checkpoint_location === undefined) return after
      // An earlier attempt to open the reader may have opened the checkpoint.
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

  /** The next rows, at least one. Undefined after the last row. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    return (await this.#opened).next()
  }

  /** @throws CheckpointError `ERR_CASSANDRA_POSITION` */
  positionOf(row: object): ReadPosition {
    const place = placeOf(row)
    if (place !== undefined)
      return { ...place.position, ...(this.#shard !== undefined && { shard: shardName(this.#shard) }) }
    throw new CheckpointError(
      'ERR_CASSANDRA_POSITION',
      'The row has no position. A source with `after`, `checkpoint_location` or `follow` gives each row one, and a ' +
        'copy of a row as `{ ...row }` keeps it',
    )
  }

  /** @throws CheckpointError; OptionError for a value that is not a position in this table */
  acknowledge(position: Json): Promise<void> {
    const kept: Promise<void> = this.#acknowledge(position).catch(error => {
      // If the stream reports the error, the caller may ignore the promise.
      if (this.#endWith(error)) kept.catch(() => {})
      throw error
    })
    return kept
  }

  async #acknowledge(position: Json): Promise<void> {
    if (!this.#hasCheckpoint) {
      throw new CheckpointError(
        'ERR_CASSANDRA_POSITION',
        'The position cannot be kept, because the source has no `checkpoint_location`.',
      )
    }
    const reader = await this.#opened
    reader.checkPosition(position)
    await this.#checkpoint?.acknowledge(position)
  }

  /** Aborts the opening and all requests with this reason. */
  leave(reason: unknown): void {
    this.#leaving.abort(reason)
  }

  /** Releases everything. Never throws. */
  async close(reason: unknown): Promise<void> {
    this.leave(reason)
    await this.#opened.then(
      reader => reader.close(),
      () => {},
    )
    await this.#checkpoint?.close()
  }
}
