import { Writable } from 'node:stream'
import type { RowError } from '../errors.ts'
import type { CassandraWritableStats } from '../write/stats.ts'
import { abortWith } from './abort.ts'
import type { Intake, RowWriter } from './intake.ts'

/** What the Node writables share: how rows come in, and how the stream is left. */
export abstract class RowWritable extends Writable {
  readonly stats: CassandraWritableStats
  readonly #intake: Intake<RowWriter>
  readonly #queue: (row: unknown) => unknown

  /** @param queue reads a row when it is given, and returns the value that waits in the stream's queue instead */
  constructor(intake: Intake<RowWriter>, queue: (row: unknown) => unknown, signal: AbortSignal | undefined) {
    super({ objectMode: true })
    this.stats = intake.tally.stats
    this.#intake = intake
    this.#queue = queue
    // Not an option of super, which would destroy before the fields exist if the signal is already aborted.
    if (signal !== undefined) abortWith(signal, this)
  }

  override write(row: unknown, encoding?: unknown, callback?: unknown): boolean {
    const queued = row === null ? row : this.#queue(row)
    return super.write(queued, encoding as BufferEncoding, callback as () => void)
  }

  override end(row?: unknown, ...rest: unknown[]): this {
    if (row === undefined || row === null || typeof row === 'function') {
      return super.end(row as () => void, ...(rest as [BufferEncoding]))
    }
    return super.end(this.#queue(row), ...(rest as [BufferEncoding]))
  }

  /** Node waits for the end of `_construct` before it destroys. So this ends a pending connection attempt. */
  override destroy(error?: Error): this {
    super.destroy(error)
    if (!this.#intake.isOpen) void this.#intake.close(error)
    return this
  }

  flush(): Promise<void> {
    const flushed = this.#intake.flush()
    // Like `end()`. Rows that were given under cork would wait for a call that may come after this promise.
    while (this.writableCorked > 0) this.uncork()
    return flushed
  }

  validate(row: unknown): Promise<RowError | undefined> {
    return this.#intake.validate(row)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return
    const closed = new Promise<void>(resolve => this.once('close', resolve))
    // An earlier failure is known to its listener or to a pipeline.
    const isKnown = this.destroyed
    if (!isKnown) this.on('error', ignore)
    if (!isKnown && !this.writableEnded) this.destroy(this.#intake.leave())
    await closed
    if (!isKnown && this.errored !== null) throw this.errored
  }
}

/** A listener for an error that is reported in another way. */
export function ignore(): void {}

/**
 * Emits an event from within the sink's own work. An error of a listener ends the stream after that work: the rows of the
 * event are settled.
 */
export function announce(sink: Writable, event: 'acknowledged' | 'commit', message: object): void {
  try {
    sink.emit(event, message)
  } catch (error) {
    sink.destroy(error as Error)
  }
}
