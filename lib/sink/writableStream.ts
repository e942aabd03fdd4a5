import { type RowError, WriteError } from '../errors.ts'
import type { CassandraWritableOptions } from '../options/options.ts'
import { type WriteSettings, writeSettingsOf } from '../options/settings.ts'
import { openWriter } from '../write/openWriter.ts'
import { type Acknowledged, Progress } from '../write/progress.ts'
import type { CassandraWritableStats } from '../write/stats.ts'
import type { TableWriter } from '../write/tableWriter.ts'
import { onAbort } from './abort.ts'
import { Intake } from './intake.ts'
import { Latest } from './latest.ts'
import { queuedWithPosition } from './position.ts'
import { QueuedRows } from './queuedRows.ts'

/** Rows that wait in the stream before `ready` makes the source wait. The same as Node's default for objects. */
const HIGH_WATER_MARK = 16

/** A WHATWG WritableStream of rows. `close()` resolves when Cassandra has acknowledged every row. */
export interface CassandraWritableStream<Row extends object = object> extends WritableStream<Row> {
  /** Live counters. */
  readonly stats: CassandraWritableStats

  /**
   * The error that the stream would report for this row as its next one, or undefined. A row that only Cassandra refuses
   * passes. Writes and counts nothing. Waits until the table is known.
   * @throws the error that the stream fails with while it opens, or because its table changed
   */
  validate(row: Row): Promise<RowError | undefined>

  /**
   * How far the stream is: once per flush, and when no row is pending, then once per 10 ms at most. A slow reader gets the latest
   * value. Nothing is computed unless this is read. Ends with the stream.
   */
  readonly acknowledged: ReadableStream<Acknowledged>

  /**
   * Resolves when every row that was given so far is acknowledged or set aside.
   * @throws the error that the stream fails with
   */
  flush(): Promise<void>

  /**
   * For `await using`: waits for the end of a stream that is closing, and stops any other, locked or not.
   * @throws WriteError if stopping loses rows that are not acknowledged.
   */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Like {@link createCassandraWritable}, over the web's `WritableStream`. Connecting starts at once. The table is checked before
 * the first row. `write()` resolves when the row is accepted, `abort()` when everything is released.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else errors the stream:
 * {@link ConnectionError}, {@link SchemaError}, {@link RowError}, {@link WriteError}.
 */
export function createCassandraWritableStream<Row extends object = object>(
  options: CassandraWritableOptions<Row>,
): CassandraWritableStream<Row> {
  return new RowStream<Row>(new RowSink(writeSettingsOf(options)))
}

class RowStream<Row extends object> extends WritableStream<Row> implements CassandraWritableStream<Row> {
  readonly stats: CassandraWritableStats
  readonly #sink: RowSink
  /** Calls of `close()`. One ends the stream, and all others are refused. */
  readonly #endings: Promise<void>[] = []

  constructor(sink: RowSink) {
    super(sink, { highWaterMark: HIGH_WATER_MARK, size: row => sink.sizeOf(row) })
    this.stats = sink.stats
    this.#sink = sink
  }

  validate(row: Row): Promise<RowError | undefined> {
    return this.#sink.validate(row)
  }

  get acknowledged(): ReadableStream<Acknowledged> {
    return this.#sink.acknowledged
  }

  flush(): Promise<void> {
    return this.#sink.flush()
  }

  override close(): Promise<void> {
    return this.#ended(super.close())
  }

  /** Intercepts `close()`, because the stream tells its sink only when no row waits any more. */
  override getWriter(): WritableStreamDefaultWriter<Row> {
    const writer = super.getWriter()
    const close = writer.close.bind(writer)
    writer.close = () => this.#ended(close())
    return writer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#endings)
    await this.#sink.dispose()
  }

  #ended(ending: Promise<void>): Promise<void> {
    this.#endings.push(ending)
    return ending
  }
}

/** Part of the standard, and missing in the types of Node 20. */
type Controller = WritableStreamDefaultController & { readonly signal: AbortSignal }

class RowSink {
  readonly #settings: WriteSettings
  #latest: Latest<Acknowledged> | undefined
  readonly #progress: Progress
  readonly #intake: Intake<TableWriter>
  readonly #queued = new QueuedRows()
  readonly #ended = new AbortController()
  #controller: WritableStreamDefaultController | undefined
  #closing: Promise<void> | undefined
  /** The reason if somebody from outside stopped the stream. */
  #stopped: { readonly reason: unknown } | undefined
  readonly stats: CassandraWritableStats

  constructor(settings: WriteSettings) {
    this.#settings = settings
    this.#progress = new Progress(
      settings,
      () => this.#latest !== undefined,
      acknowledged => this.#latest?.tell(acknowledged),
    )
    this.#intake = new Intake(this.#progress)
    this.stats = this.#intake.tally.stats
  }

  /** Called by the stream inside `write()`, before it queues the row: the only moment to read the row as it was given. */
  sizeOf(row: unknown): number {
    if (this.#ended.signal.aborted) return 1
    this.#queued.push(row, queuedWithPosition(row, this.#intake, this.#settings))
    return 1
  }

  async start(controller: WritableStreamDefaultController): Promise<void> {
    this.#controller = controller
    // The stream calls abort() only after the write in flight, which may be waiting for room.
    const { signal } = controller as Controller
    signal.addEventListener('abort', () => this.#stop(signal.reason))
    const own = this.#settings.signal
    if (own !== undefined) {
      const forget = onAbort(own, () => this.#fail(own.reason))
      this.#ended.signal.addEventListener('abort', forget)
    }
    try {
      const onFailure = (error: Error) => {
        controller.error(error)
        this.#release(error)
      }
      const owner = { tally: this.#intake.tally, progress: this.#progress, onFailure }
      await this.#intake.openBy(signal => openWriter(this.#settings, owner, signal))
    } catch (error) {
      await this.#release(error as Error)
      throw error
    }
  }

  write(row: unknown): undefined | Promise<void> {
    const wait = this.#intake.writer?.add(this.#intake.encoded(this.#queued.shift(row)))
    return wait && this.#withReason(wait)
  }

  close(): Promise<void> {
    this.#closing = this.#withReason(this.#finish()).then(() => {
      // The stream also asks `sizeOf` for rows that it refuses because it is closing.
      this.#progress.complete()
      this.#latest?.end()
      return this.#release()
    })
    return this.#closing
  }

  async #finish(): Promise<void> {
    await this.#intake.writer?.finish()
  }

  validate(row: unknown): Promise<RowError | undefined> {
    return this.#intake.validate(row)
  }

  abort(reason: unknown): Promise<void> {
    return this.#stop(reason)
  }

  async dispose(): Promise<void> {
    let left: Error | undefined
    if (this.#closing === undefined && !this.#ended.signal.aborted) {
      left = this.#intake.leave()
      this.#fail(left ?? new DOMException('The stream was disposed of', 'AbortError'))
    }
    await this.#closing?.catch(() => {})
    await this.#release()
    if (left !== undefined) throw left
  }

  #fail(reason: unknown): void {
    this.#controller?.error(reason)
    this.#stop(reason)
  }

  #stop(reason: unknown): Promise<void> {
    this.#stopped ??= { reason }
    return this.#release(reason)
  }

  get acknowledged(): ReadableStream<Acknowledged> {
    this.#latest ??= new Latest()
    // After the end of the stream, nothing else would end it.
    if (this.#ended.signal.aborted) this.#latest.end()
    return this.#latest.stream
  }

  flush(): Promise<void> {
    return this.#intake.flush()
  }

  /** @param reason rejects promises that are waiting */
  #release(reason?: unknown): Promise<void> {
    this.#ended.abort()
    this.#queued.clear()
    this.#latest?.end(reason ?? new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed'))
    return this.#intake.close(reason)
  }

  /** Rejects with the reason if the stream is stopped during the wait. */
  async #withReason(wait: Promise<void>): Promise<void> {
    try {
      await wait
    } catch (error) {
      throw this.#stopped === undefined ? error : this.#stopped.reason
    }
  }
}
