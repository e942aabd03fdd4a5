import { Readable } from 'node:stream'
import type { Json } from '../json.ts'
import type { CassandraReadableOptions } from '../options/readOptions.ts'
import { type ReadSettings, readSettingsOf } from '../options/readSettings.ts'
import type { ReadPosition } from '../read/place.ts'
import type { PlainRow } from '../read/rowPlan.ts'
import { abortWith } from '../sink/abort.ts'
import { Reading } from './reading.ts'

/** Rows that wait in the stream for whoever reads it. */
const HIGH_WATER_MARK = 256

/** Where rows stand in a table, of a source with `after`, `checkpoint_location` or `follow`. */
export interface Positions {
  /**
   * Where a row stands, for `after` of a later source: rows behind it. A copy as `{ ...row }` has the same position.
   * @throws CheckpointError `ERR_CASSANDRA_POSITION` for what is no row of such a source
   */
  positionOf(row: object): ReadPosition
  /**
   * Says that the rows up to a position are done with: the next run goes on behind it. Resolves when that is durable in
   * the checkpoint, by this position or one that was acknowledged after it. The one that is acknowledged last counts,
   * also after the end of the stream. A failure ends the stream as well.
   * @throws CheckpointError; OptionError for what is no position of a row of this table
   */
  acknowledge(position: Json): Promise<void>
}

/** An object-mode Readable of rows. Leaving it early, as `break` in `for await` does, ends its requests. */
export interface CassandraReadable<Row extends object = Record<string, unknown>> extends Readable, Positions {
  /** Gives the rows one by one; leaving the loop destroys the stream. */
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Row>
}

/**
 * Opens a stream of the rows of a Cassandra table: all of it, each row once, in ranges of its ring that are read side by
 * side; or what `where` leaves of it. Rows come in no order, except that those of one partition come in theirs. A reader
 * that is slow is not run over: pages are asked for while there is room.
 *
 * Values are plain JavaScript, or what `json` and `values` say. A sink takes each as the same value.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes as `'error'`:
 * {@link ConnectionError}, {@link SchemaError}, {@link ReadError}, and OptionError for what only Cassandra can tell.
 */
export function createCassandraReadable<Row extends object = Record<string, unknown>>(
  options: CassandraReadableOptions,
): CassandraReadable<Row> {
  return new RowReadable(readSettingsOf(options)) as unknown as CassandraReadable<Row>
}

class RowReadable extends Readable {
  readonly #reading: Reading
  #rows: readonly PlainRow[] = []
  #at = 0
  #isAsking = false
  #isWanted = false

  constructor(settings: ReadSettings) {
    super({ objectMode: true, highWaterMark: HIGH_WATER_MARK })
    const { signal } = settings
    this.#reading = new Reading(settings, error => this.destroy(error))
    // Not an option of super: with a signal that is aborted already it would destroy before the fields are there.
    if (signal !== undefined) abortWith(signal, this)
  }

  override _construct(done: (error?: Error | null) => void): void {
    // One that was left while it opened has nothing to tell.
    this.#reading.opened().then(
      () => done(),
      error => done(this.destroyed ? null : error),
    )
  }

  /** Node may ask again within a push, or before the promise of what pushes has settled. */
  override _read(): void {
    this.#isWanted = true
    if (this.#isAsking) return
    this.#isAsking = true
    this.#pump().catch(error => this.destroy(error))
  }

  /** As every Readable's, without its turns of the microtask queue for a row that is there. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<PlainRow> {
    const waiting = super[Symbol.asyncIterator]()
    // It hears of errors from its first call on.
    let isListening = false
    const iterator: NodeJS.AsyncIterator<PlainRow> = {
      next: () => {
        const row = isListening && !this.destroyed ? this.read() : null
        isListening = true
        return row === null ? waiting.next() : Promise.resolve({ value: row, done: false })
      },
      return: async () => {
        this.destroy()
        await waiting.return?.()
        // What was acknowledged is kept by then, and the checkpoint given back.
        if (!this.closed) await new Promise(resolve => this.once('close', resolve))
        return { value: undefined, done: true }
      },
      [Symbol.asyncDispose]: async () => {
        await iterator.return?.()
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  positionOf(row: object): ReadPosition {
    return this.#reading.positionOf(row)
  }

  acknowledge(position: Json): Promise<void> {
    return this.#reading.acknowledge(position)
  }

  /** Node waits for the end of `_construct` before it destroys, so a pending connection attempt is ended here. */
  override destroy(error?: Error): this {
    this.#reading.leave(error ?? new Error('The stream was destroyed'))
    return super.destroy(error)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#reading.close(error ?? new Error('The stream was destroyed')).then(() => done(error))
  }

  async #pump(): Promise<void> {
    for (;;) {
      while (this.#at < this.#rows.length) {
        this.#isWanted = false
        if (this.push(this.#rows[this.#at++]) || this.#isWanted) continue
        this.#isAsking = false
        return
      }
      const rows = await this.#reading.next()
      if (this.destroyed) return
      if (rows === undefined) {
        this.push(null)
        return
      }
      this.#rows = rows
      this.#at = 0
    }
  }
}
