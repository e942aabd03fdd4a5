import type { Writable } from 'node:stream'
import type { RowError } from '../errors.ts'
import type { CassandraWritableOptions } from '../options/options.ts'
import { type WriteSettings, writeSettingsOf } from '../options/settings.ts'
import { openWriter } from '../write/openWriter.ts'
import { type Acknowledged, Progress } from '../write/progress.ts'
import type { CassandraWritableStats } from '../write/stats.ts'
import type { TableWriter } from '../write/tableWriter.ts'
import { Intake, type QueuedRow } from './intake.ts'
import { queuedWithPosition } from './position.ts'
import { announce, RowWritable } from './rowWritable.ts'

/**
 * An object-mode Writable of rows. `'finish'` means that Cassandra acknowledged every row. `write()` and `end()` take a `Row`:
 * an interface with one property per column, or by default any object.
 */
export interface CassandraWritable<Row extends object = object> extends Writable {
  /** Live counters. */
  readonly stats: CassandraWritableStats

  /** Makes the sink fit `pipeline()` and `pipe()`, whose types know only text and bytes. Takes no row. */
  write(row: never, ...rest: never[]): boolean
  /** Accepts a row. The callback runs when the row is valid, copied, and has room; not when it is stored. */
  write(row: Row, callback?: (error: Error | null | undefined) => void): boolean
  write(row: Row, encoding: BufferEncoding, callback?: (error: Error | null | undefined) => void): boolean

  /** Like the first `write()`. */
  end(row: never, ...rest: never[]): this
  end(callback?: () => void): this
  end(row: Row, callback?: () => void): this
  end(row: Row, encoding: BufferEncoding, callback?: () => void): this

  /**
   * The error that the stream would report for this row as its next one, or undefined. A row that only Cassandra refuses
   * passes. Writes and counts nothing. Waits until the table is known.
   * @throws the error that the stream fails with while it opens, or because its table changed
   */
  validate(row: Row): Promise<RowError | undefined>

  /**
   * Resolves when every row that was given so far is acknowledged or set aside. Ends a `cork()`, like `end()`.
   * @throws the error that the stream fails with
   */
  flush(): Promise<void>

  /**
   * Calls the listener when more rows from the start of the stream are settled: once per flush, and when no row is pending, then
   * once per 10 ms at most.
   */
  on(event: 'acknowledged', listener: (acknowledged: Acknowledged) => void): this
  /** The events of every Writable. */
  on(...args: Parameters<Writable['on']>): this

  /**
   * For `await using`: waits for the end of a stream that was ended, and destroys any other.
   * @throws the error that the stream fails with during the wait; WriteError if destroying the stream loses rows that are not
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
  return new CassandraSink<Row>(writeSettingsOf(options))
}

class CassandraSink<Row extends object> extends RowWritable implements CassandraWritable<Row> {
  readonly #settings: WriteSettings
  readonly #intake: Intake<TableWriter>

  constructor(settings: WriteSettings) {
    const progress = new Progress(
      settings,
      () => this.listenerCount('acknowledged') > 0,
      acknowledged => announce(this, 'acknowledged', acknowledged),
    )
    const intake = new Intake<TableWriter>(progress)
    super(intake, row => queuedWithPosition(row, intake, settings), settings.signal)
    this.#settings = settings
    this.#intake = intake
  }

  override _construct(done: (error?: Error | null) => void): void {
    const { tally, progress } = this.#intake
    const owner = { tally, progress, onFailure: (error: Error) => this.destroy(error) }
    this.#intake.openBy(signal => openWriter(this.#settings, owner, signal)).then(() => done(), done)
  }

  override _write(row: QueuedRow, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const wait = this.#intake.writer?.add(this.#intake.encoded(row))
    if (wait === undefined) done()
    else doneAfter(wait, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    const { writer } = this.#intake
    if (writer === undefined) done()
    else
      doneAfter(
        writer.finish().then(() => this.#intake.progress.complete()),
        done,
      )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#intake.close(error).then(() => done(error))
  }
}

/** A separate function, so that a row that need not wait makes no closures. */
function doneAfter(wait: Promise<void>, done: (error?: Error | null) => void): void {
  wait.then(() => done(), done)
}
