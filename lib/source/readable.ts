import { Readable } from 'node:stream'
import type { Json } from '../json.ts'
import type { CassandraReadableOptions } from '../options/readOptions.ts'
import { type ReadSettings, readSettingsOf } from '../options/readSettings.ts'
import type { ReadPosition } from '../read/place.ts'
import type { PlainRow } from '../read/rowPlan.ts'
import { abortWith } from '../sink/abort.ts'
import { Reading } from './reading.ts'

/** Rows that wait in the stream for its consumer. */
const HIGH_WATER_MARK = 256

/** Positions of rows, for a source with `after`, `checkpoint_location` or `follow`. */
export interface Positions {
  /**
   * The position of a row. A later source with this position in `after` reads the rows after it. A copy as `{ ...row }` has the
   * same position.
   * @throws CheckpointError `ERR_CASSANDRA_POSITION` for an object that is not a row of such a source
   */
  positionOf(row: object): ReadPosition
  /**
   * Marks the rows up to a position as done: the next run continues after it. Resolves when this position, or one that was
   * acknowledged later, is durable in the checkpoint. The last acknowledged position counts, also after the end of the stream. A
   * failure also ends the stream. After the end of the stream, only this promise reports it.
   * @throws CheckpointError; OptionError for a value that is not a position in this table
   */
  acknowledge(position: Json): Promise<void>
}

/** An object-mode Readable of rows. Leaving it early, as `break` in `for await` does, ends its requests. */
export interface CassandraReadable<Row extends object = Record<string, unknown>> extends Readable, Positions {
  /** Emits the rows one by one. Leaving the loop destroys the stream. */
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Row>
}

/**
 * Opens a stream of the rows of a Cassandra table, or of those that match `where`. Each row comes once, from ranges of the ring
 * that are read in parallel. Partitions come in no order; the rows of one partition come in theirs. Pages are requested while
 * there is room, so a slow consumer slows the read down.
 *
 * Values are plain JavaScript, or what `json` and `values` select. A sink takes each as the same value.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes as `'error'`:
 * {@link ConnectionError}, {@link SchemaError}, {@link ReadError}, and OptionError for faults that only Cassandra finds.
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
    this.#reading = new Reading(settings, error => this.#endWith(error))
    // Not an option of super, which would destroy before the fields exist if the signal is already aborted.
    if (signal !== undefined) abortWith(signal, this)
  }

  override _construct(done: (error?: Error | null) => void): void {
    // A source that was destroyed while it opened reports nothing.
    this.#reading.opened().then(
      () => done(),
      error => done(this.destroyed ? null : error),
    )
  }

  /** Node may call it again within a push, or before the promise of the pump has settled. */
  override _read(): void {
    this.#isWanted = true
    if (this.#isAsking) return
    this.#isAsking = true
    this.#pump().catch(error => this.destroy(error))
  }

  /** Like every Readable's, without extra turns of the microtask queue for a row that is available. */
  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<PlainRow> {
    const waiting = super[Symbol.asyncIterator]()
    // It receives errors from its first call on.
    let isListening = false
    let calls = 0
    const iterator: NodeJS.AsyncIterator<PlainRow> = {
      next: () => {
        // The next row belongs to the call that waits the longest.
        const row = isListening && calls === 0 && !this.destroyed ? this.read() : null
        isListening = true
        if (row !== null) return Promise.resolve({ value: row, done: false })
        calls++
        return waiting.next().then(
          result => {
            calls--
            return result
          },
          error => {
            calls--
            throw error
          },
        )
      },
      return: async () => {
        this.destroy()
        await waiting.return?.()
        // By then acknowledged positions are kept and the checkpoint is released.
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

  /** Node waits for the end of `_construct` before it destroys. So this ends a pending connection attempt. */
  override destroy(error?: Error): this {
    this.#reading.leave(error ?? new Error('The stream was destroyed'))
    return super.destroy(error)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#reading.close(error ?? new Error('The stream was destroyed')).then(() => done(error))
  }

  #endWith(error: Error): boolean {
    this.destroy(error)
    return this.errored !== null
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
