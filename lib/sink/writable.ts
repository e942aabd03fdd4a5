import { Writable } from 'node:stream'
import type { CassandraWritableOptions } from '../options/options.ts'
import { readWriteOptions, type WriteSettings } from '../options/settings.ts'
import type { CassandraWritableStats } from '../write/stats.ts'
import { abortWith } from './abort.ts'
import { type GivenRow, Intake } from './intake.ts'

/**
 * An object-mode Writable of rows. `'finish'` means that Cassandra acknowledged every row. `Row` is what `write()` and
 * `end()` take: an interface with a property a column, or by default any object.
 */
export interface CassandraWritable<Row extends object = object> extends Writable {
  /** Live counters. */
  readonly stats: CassandraWritableStats

  /** Fits the sink to `pipeline()` and `pipe()`, whose types know only text and bytes. Takes nothing. */
  write(row: never, ...rest: never[]): boolean
  write(row: Row, callback?: (error: Error | null | undefined) => void): boolean
  write(row: Row, encoding: BufferEncoding, callback?: (error: Error | null | undefined) => void): boolean

  /** As the first `write()`. */
  end(row: never, ...rest: never[]): this
  end(callback?: () => void): this
  end(row: Row, callback?: () => void): this
  end(row: Row, encoding: BufferEncoding, callback?: () => void): this

  /**
   * For `await using`: waits for the end of a stream that was ended, and destroys any other.
   * @throws what the stream fails with while this waits; WriteError when rows are lost by destroying it: given, and not
   * acknowledged.
   */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a stream of rows into a Cassandra table. Connecting starts at once; the table is checked before the first row.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes as `'error'`:
 * {@link ConnectionError}, {@link SchemaError}, {@link RowError}, {@link WriteError}.
 */
export function createCassandraWritable<Row extends object = object>(
  options: CassandraWritableOptions<Row>,
): CassandraWritable<Row> {
  return new CassandraSink<Row>(readWriteOptions(options))
}

class CassandraSink<Row extends object> extends Writable implements CassandraWritable<Row> {
  readonly #settings: WriteSettings
  readonly #intake = new Intake()
  readonly stats = this.#intake.counters

  constructor(settings: WriteSettings) {
    super({ objectMode: true })
    this.#settings = settings
    // Not an option of super: with a signal that is aborted already it would destroy before the fields are there.
    if (settings.signal !== undefined) abortWith(settings.signal, this)
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#intake.open(this.#settings, error => this.destroy(error)).then(() => done(), done)
  }

  override write(row: unknown, encoding?: unknown, callback?: unknown): boolean {
    const given = row === null ? row : this.#intake.take(row)
    return super.write(given, encoding as BufferEncoding, callback as () => void)
  }

  override end(row?: unknown, ...rest: unknown[]): this {
    if (row === undefined || row === null || typeof row === 'function') {
      return super.end(row as () => void, ...(rest as [BufferEncoding]))
    }
    return super.end(this.#intake.take(row), ...(rest as [BufferEncoding]))
  }

  override _write(row: GivenRow, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const wait = this.#intake.add(row)
    if (wait === undefined) done()
    else doneAfter(wait, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#intake.finish().then(() => done(), done)
  }

  /** Node waits for the end of `_construct` before it destroys, so a pending connection attempt is ended here. */
  override destroy(error?: Error): this {
    super.destroy(error)
    if (!this.#intake.isOpen) void this.#intake.close()
    return this
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#intake.close().then(() => done(error))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return
    const closed = new Promise<void>(resolve => this.once('close', resolve))
    // What it failed with before is known to whoever listens, or waits for a pipeline.
    const isKnown = this.destroyed
    if (!isKnown) this.on('error', () => {})
    if (!isKnown && !this.writableEnded) this.destroy(this.#intake.leave())
    await closed
    if (!isKnown && this.errored !== null) throw this.errored
  }
}

/** Apart, so that a row that need not wait makes no closures. */
function doneAfter(wait: Promise<void>, done: (error?: Error | null) => void): void {
  wait.then(() => done(), done)
}
