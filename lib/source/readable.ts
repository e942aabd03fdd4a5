import { Readable } from 'node:stream'
import type { CassandraReadableOptions } from '../options/readOptions.ts'
import { type ReadSettings, readSettingsOf } from '../options/readSettings.ts'
import type { PlainRow } from '../read/rowPlan.ts'
import { TableReader } from '../read/tableReader.ts'
import { abortWith } from '../sink/abort.ts'

/** Rows that wait in the stream for whoever reads it. */
const HIGH_WATER_MARK = 256

/** An object-mode Readable of rows. Leaving it early, as `break` in `for await` does, ends its requests. */
export interface CassandraReadable<Row extends object = Record<string, unknown>> extends Readable {
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
  readonly #leaving = new AbortController()
  readonly #opened: Promise<TableReader>
  #rows: readonly PlainRow[] = []
  #at = 0
  #isAsking = false
  #isWanted = false

  constructor(settings: ReadSettings) {
    super({ objectMode: true, highWaterMark: HIGH_WATER_MARK })
    const { signal } = settings
    this.#opened = TableReader.open(settings, this.#leaving.signal)
    this.#opened.catch(() => {})
    // Not an option of super: with a signal that is aborted already it would destroy before the fields are there.
    if (signal !== undefined) abortWith(signal, this)
  }

  override _construct(done: (error?: Error | null) => void): void {
    // One that was left while it opened has nothing to tell.
    this.#opened.then(
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

  /** Node waits for the end of `_construct` before it destroys, so a pending connection attempt is ended here. */
  override destroy(error?: Error): this {
    this.#leaving.abort(error ?? new Error('The stream was destroyed'))
    return super.destroy(error)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leaving.abort(error ?? new Error('The stream was destroyed'))
    this.#opened
      .then(
        reader => reader.close(),
        () => {},
      )
      .then(() => done(error))
  }

  async #pump(): Promise<void> {
    const reader = await this.#opened
    for (;;) {
      while (this.#at < this.#rows.length) {
        this.#isWanted = false
        if (this.push(this.#rows[this.#at++]) || this.#isWanted) continue
        this.#isAsking = false
        return
      }
      const rows = await reader.next()
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
