import { WriteError } from '../errors.ts'
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

/** Rows that wait in the stream before `ready` asks the source to wait; as Node has it for streams of objects. */
const HIGH_WATER_MARK = 16

/** A WHATWG WritableStream of rows. `close()` resolves when Cassandra has acknowledged every row. */
export interface CassandraWritableStream<Row extends object = object> extends WritableStream<Row> {
  /** Live counters. */
  readonly stats: CassandraWritableStats

  /**
   * Why a row cannot be stored, as the stream would say it with the index of the next row; undefined when it can. Rows
   * that only Cassandra refuses pass. Nothing is written or counted. Waits until the table is known.
   * @throws what the stream fails with while it opens
   */
  validate(row: Row): Promise<Error | undefined>

  /**
   * How far the stream has come, once per flush at most: a reader that is slow gets the latest. Nothing is computed
   * unless this is read. Ends with the stream.
   */
  readonly acknowledged: ReadableStream<Acknowledged>

  /**
   * Resolves when nothing is left to do for all rows that were given: each is acknowledged, or set aside.
   * @throws what the stream fails with
   */
  flush(): Promise<void>

  /**
   * For `await using`: waits for the end of a stream that is closing, and stops any other, locked or not.
   * @throws WriteError when rows are lost by that: given, and not acknowledged.
   */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * As {@link createCassandraWritable}, over the `WritableStream` of the web. Connecting starts at once; the table is
 * checked before the first row. `write()` resolves when the row is accepted, `abort()` when everything is released.
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
  /** Calls of `close()`: one ends the stream, and all others are refused. */
  readonly #endings: Promise<void>[] = []

  constructor(sink: RowSink) {
    super(sink, { highWaterMark: HIGH_WATER_MARK, size: row => sink.sizeOf(row) })
    this.stats = sink.stats
    this.#sink = sink
  }

  validate(row: Row): Promise<Error | undefined> {
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

  /** The stream tells its sink of a `close()` only when no row waits any more. */
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
  /** Why somebody from outside stopped the stream. */
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

  /** Called by the stream inside `write()`, before it queues the row: the one moment to read it as it was given. */
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
      // `sizeOf` is asked for rows too that the stream refuses, since it is closing.
      this.#progress.complete()
      this.#latest?.end()
      return this.#release()
    })
    return this.#closing
  }

  async #finish(): Promise<void> {
    await this.#intake.writer?.finish()
  }

  validate(row: unknown): Promise<Error | undefined> {
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
    return this.#release(reason instanceof Error ? reason : undefined)
  }

  get acknowledged(): ReadableStream<Acknowledged> {
    this.#latest ??= new Latest()
    // Of a stream that is over, nobody would end it.
    if (this.#ended.signal.aborted) this.#latest.end()
    return this.#latest.stream
  }

  flush(): Promise<void> {
    return this.#intake.flush()
  }

  /** @param reason what those are told who wait */
  #release(reason?: Error): Promise<void> {
    this.#ended.abort()
    this.#queued.clear()
    this.#latest?.end(reason ?? new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed'))
    return this.#intake.close(reason)
  }

  /** What waits while the stream is stopped is told the reason for that. */
  async #withReason(wait: Promise<void>): Promise<void> {
    try {
      await wait
    } catch (error) {
      throw this.#stopped === undefined ? error : this.#stopped.reason
    }
  }
}
