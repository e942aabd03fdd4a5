import { addAbortSignal, Writable } from 'node:stream'
import { snapshotOf } from '../encode/snapshot.ts'
import type { CassandraWritableOptions } from '../options/options.ts'
import { readWriteOptions, type WriteSettings } from '../options/settings.ts'
import { type CassandraWritableStats, type Counters, newCounters } from '../write/stats.ts'
import { openWriter, type TakenRow, type Writer } from '../write/writer.ts'

/** An object-mode Writable of rows. `'finish'` means that Cassandra acknowledged every row. */
export interface CassandraWritable extends Writable {
  /** Live counters. */
  readonly stats: CassandraWritableStats
}

/**
 * Opens a stream of rows into a Cassandra table. Connecting starts at once; the table is checked before the first row.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes as `'error'`:
 * {@link ConnectionError}, {@link SchemaError}, {@link RowError}, {@link WriteError}.
 */
export function createCassandraWritable(options: CassandraWritableOptions): CassandraWritable {
  return new CassandraSink(readWriteOptions(options))
}

/** A row that came before the table was known, copied as deeply as it goes. */
class Copy {
  readonly row: unknown

  constructor(row: unknown) {
    this.row = snapshotOf(row)
  }
}

type Taken = TakenRow | Copy

class CassandraSink extends Writable implements CassandraWritable {
  readonly stats: Counters = newCounters()
  readonly #settings: WriteSettings
  readonly #opening = new AbortController()
  #writer: Writer | undefined

  constructor(settings: WriteSettings) {
    super({ objectMode: true })
    this.#settings = settings
    // Not an option of super: with a signal that is aborted already it would destroy before the fields are there.
    if (settings.signal !== undefined) addAbortSignal(settings.signal, this)
  }

  override _construct(done: (error?: Error | null) => void): void {
    const { signal } = this.#opening
    if (signal.aborted) {
      done()
      return
    }
    // Destroyed while connecting: the reason for that is the error to show, and it need not wait for the servers.
    signal.addEventListener('abort', () => done())
    openWriter(this.#settings, this.stats, error => this.destroy(error), signal).then(
      writer => {
        if (signal.aborted) return writer.close()
        this.#writer = writer
        return done()
      },
      (error: Error) => {
        if (!signal.aborted) done(error)
      },
    )
  }

  override write(row: unknown, ...rest: unknown[]): boolean {
    return super.write(this.#take(row), ...(rest as [BufferEncoding]))
  }

  override end(row?: unknown, ...rest: unknown[]): this {
    if (row === undefined || row === null || typeof row === 'function') {
      return super.end(row as () => void, ...(rest as [BufferEncoding]))
    }
    return super.end(this.#take(row), ...(rest as [BufferEncoding]))
  }

  override _write(row: Taken, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const writer = this.#writer as Writer
    const wait = writer.add(row instanceof Copy ? writer.take(row.row) : row)
    if (wait === undefined) done()
    else wait.then(() => done(), done)
  }

  /** A row is read when it is given, not when its turn comes: by then the caller may have changed it. */
  #take(row: unknown): Taken | null {
    if (row === null) return row
    return this.#writer?.take(row) ?? new Copy(row)
  }

  override _final(done: (error?: Error | null) => void): void {
    const drained = this.#writer?.drain() ?? Promise.resolve()
    drained.then(() => done(), done)
  }

  /** Node waits for the end of `_construct` before it destroys, so a pending connection attempt is ended here. */
  override destroy(error?: Error): this {
    super.destroy(error)
    if (this.#writer === undefined) this.#opening.abort()
    return this
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const closed = this.#writer?.close() ?? Promise.resolve()
    closed.then(() => done(error))
  }
}
