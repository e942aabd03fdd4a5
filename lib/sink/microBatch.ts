import { addAbortSignal, Writable } from 'node:stream'
import { isJson } from '../checkpoint/json.ts'
import type { EncodedRow } from '../encode/encodedRow.ts'
import { CheckpointError, WriteError } from '../errors.ts'
import type { Json, MicroBatchSinkOptions } from '../options/options.ts'
import { type EpochSettings, readEpochOptions } from '../options/settings.ts'
import { DoubtfulRow } from '../write/doubtfulRow.ts'
import { bytesOfEpoch, EpochCutter } from './epochCutter.ts'
import type { EpochRows } from './epochRows.ts'
import { type CommittedEpoch, type EpochWriter, type LastCommit, openEpochWriter } from './epochWriter.ts'
import { type GivenRow, Inlet } from './inlet.ts'
import { type RowSource, readRows, releaseRows } from './rowSource.ts'
import type { CassandraWritable } from './writable.ts'

/** Largest epoch of `writeEpoch`, in rows: all of them are in memory at once. */
const MAX_EPOCH_ROWS = 1_000_000

/** What became of an epoch. */
export interface WrittenEpoch {
  /** Counts from 0. */
  readonly epoch_id: number
  /** Rows written; 0 when skipped. */
  readonly rows: number
  /** It was committed before, so its rows were not read. */
  readonly skipped: boolean
  /** It was begun before, and is now complete. */
  readonly replayed: boolean
}

/**
 * An object-mode Writable that writes rows in epochs, each of them exactly once. `'finish'` means that the last epoch is
 * committed. `'commit'` comes with a {@link CommittedEpoch} once an epoch is durable, in the order of epochs.
 */
export interface MicroBatchSink<Row extends object = object> extends CassandraWritable<Row> {
  /** Where the source has to go on: the last commit, or null if there is none. Connects if need be. */
  open(): Promise<LastCommit | null>
  /**
   * Writes the rows as one epoch, and resolves when it is committed. Epochs count up from 0; one that is committed
   * already is skipped, one that was begun is replayed. Takes the place of `write()`: a sink is fed by one of both.
   * @throws RowError, CheckpointError and then nothing of the epoch is written; WriteError, and the sink is destroyed.
   */
  writeEpoch(epoch_id: number, rows: RowSource<Row>): Promise<WrittenEpoch>
  /** Calls the listener after each epoch that is committed. */
  on(event: 'commit', listener: (epoch: CommittedEpoch) => void): this
  /** The events of every Writable. */
  on(...args: Parameters<Writable['on']>): this
}

/**
 * Opens a stream of rows into a Cassandra table that may be killed at any moment and started again, and then leaves the
 * table as if that had not happened. The source has to bring the same rows again, from the last commit on.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes as `'error'`:
 * {@link ConnectionError}, {@link SchemaError}, {@link RowError}, {@link WriteError}, {@link CheckpointError}.
 */
export function createMicroBatchSink<Row extends object = object>(
  options: MicroBatchSinkOptions<Row>,
): MicroBatchSink<Row> {
  return new EpochSink<Row>(readEpochOptions(options))
}

/** A row with its place in the source, both as they were when the row was given. */
interface Arrival {
  readonly row: GivenRow
  readonly position: Json | undefined
}

class EpochSink<Row extends object> extends Writable implements MicroBatchSink<Row> {
  readonly #settings: EpochSettings
  readonly #inlet = new Inlet<EpochWriter>()
  readonly stats = this.#inlet.counters
  readonly #opened: Promise<void>
  readonly #ended = new AbortController()
  /** Cuts what comes by `write()`. */
  #cutter: EpochCutter | undefined
  #feed: 'write()' | 'writeEpoch()' | undefined
  /** Calls of `writeEpoch` are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(settings: EpochSettings) {
    super({ objectMode: true })
    this.#settings = settings
    // Not an option of super: with a signal that is aborted already it would destroy before the fields are there.
    if (settings.signal !== undefined) addAbortSignal(settings.signal, this)
    this.#opened = this.#inlet.openBy((signal, hold) =>
      openEpochWriter(settings, this.stats, error => this.destroy(error), signal, hold),
    )
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#opened.then(() => done(), done)
  }

  open(): Promise<LastCommit | null> {
    return this.#telling(async () => (await this.#writer()).committed)
  }

  override write(row: unknown, ...rest: unknown[]): boolean {
    return super.write(row === null ? row : this.#arrive(row), ...(rest as [BufferEncoding]))
  }

  override end(row?: unknown, ...rest: unknown[]): this {
    if (row === undefined || row === null || typeof row === 'function') {
      return super.end(row as () => void, ...(rest as [BufferEncoding]))
    }
    return super.end(this.#arrive(row), ...(rest as [BufferEncoding]))
  }

  override _write(arrival: Arrival, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const writer = this.#inlet.writer as EpochWriter
    this.#cutter ??= new EpochCutter(writer, this.#settings, (id, epoch) => this.#write(writer, id, epoch))
    const row = this.#refusalOf('write()') ?? this.#inlet.taken(arrival.row)
    const wait = this.#cutter.add(row, arrival.position)
    if (wait === undefined) done()
    else wait.then(() => done(), done)
  }

  writeEpoch(epoch_id: number, rows: RowSource<Row>): Promise<WrittenEpoch> {
    const turn = this.#turn.then(() => this.#telling(() => this.#writeEpoch(epoch_id, rows)))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #writeEpoch(epoch_id: number, rows: RowSource<Row>): Promise<WrittenEpoch> {
    const writer = await this.#writer()
    const refusal = this.#refusalOf('writeEpoch()')
    if (refusal !== undefined) throw refusal
    const decision = writer.decide(epoch_id)
    if (decision === 'skip') {
      await releaseRows(rows)
      return { epoch_id, rows: 0, skipped: true, replayed: false }
    }
    const epoch = await this.#unlessEnded(this.#collect(writer, rows))
    // Refused here the sink can go on, and the source may bring the right rows.
    writer.check(epoch)
    await this.#write(writer, epoch_id, epoch)
    return { epoch_id, rows: epoch.rows.length, skipped: false, replayed: decision === 'replay' }
  }

  async #collect(writer: EpochWriter, rows: RowSource<Row>): Promise<EpochRows> {
    const epoch = writer.newEpoch(writer.sealed)
    const most = writer.sealed?.rows ?? MAX_EPOCH_ROWS
    const mostBytes = writer.sealed === undefined ? bytesOfEpoch(this.#settings) : Number.POSITIVE_INFINITY
    const isTooLarge = () => epoch.rows.length > most || epoch.bytes > mostBytes
    const add = (row: EncodedRow | Error, position: Json | undefined) => {
      if (row instanceof Error) throw row
      epoch.add(row, position)
    }
    const take = (given: Row) => {
      const row = writer.takeForNext(given)
      if (!(row instanceof DoubtfulRow)) return void add(row, this.#positionOf(given))
      const position = this.#positionOf(given)
      return writer.settle(row).then(settled => add(settled, position))
    }
    await readRows(rows, take, () => this.destroyed || isTooLarge())
    // A replay of too many rows is refused when it is compared.
    if (writer.sealed !== undefined || !isTooLarge()) return epoch
    const limit = `${most} rows and ${mostBytes} bytes (half of \`max_buffered_bytes\`)`
    throw new CheckpointError('ERR_CASSANDRA_EPOCH', `Expected an epoch of at most ${limit}`)
  }

  /** An error of the writer ends the sink; what is told by a promise is told by 'error' as well. */
  async #write(writer: EpochWriter, epoch_id: number, epoch: EpochRows): Promise<void> {
    try {
      const committed = await writer.write(epoch_id, epoch)
      if (!this.destroyed) this.emit('commit', committed)
    } catch (error) {
      this.destroy(error as Error)
      throw error
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish().then(() => done(), done)
  }

  async #finish(): Promise<void> {
    await this.#turn
    const writer = this.#inlet.writer
    if (this.#feed === undefined && writer?.sealed !== undefined) {
      // A source that brings no row at all when it should replay some.
      writer.check(writer.newEpoch(writer.sealed))
    }
    await this.#cutter?.finish()
    await writer?.close()
  }

  /** Node waits for the end of `_construct` before it destroys, so a pending connection attempt is ended here. */
  override destroy(error?: Error): this {
    super.destroy(error)
    if (!this.#inlet.isOpen) void this.#inlet.close()
    return this
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#ended.abort(error ?? destroyed())
    this.#cutter?.stop()
    this.#inlet.close().then(() => done(error))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed) return
    const closed = new Promise<void>(resolve => this.once('close', resolve))
    let left: Error | undefined
    if (!this.destroyed && !this.writableEnded) {
      // What `writeEpoch()` was given, its own promise reports.
      left = this.#feed === 'writeEpoch()' ? undefined : this.#inlet.leave()
      this.on('error', ignore)
      this.destroy(left)
    }
    await closed
    if (left !== undefined) throw left
  }

  async #writer(): Promise<EpochWriter> {
    try {
      await this.#opened
    } catch (error) {
      this.destroy(error as Error)
      throw error
    }
    const { writer } = this.#inlet
    if (writer === undefined || this.destroyed) throw this.errored ?? destroyed()
    return writer
  }

  #arrive(given: unknown): Arrival {
    const row = this.#inlet.take(given)
    if (row instanceof Error) return { row, position: undefined }
    try {
      return { row, position: this.#positionOf(given) }
    } catch (error) {
      return { row: error as Error, position: undefined }
    }
  }

  /** A copy: a source may keep one object up to date as it goes. */
  #positionOf(row: unknown): Json | undefined {
    const { position } = this.#settings
    if (position === undefined) return undefined
    const given: unknown = position(row as never)
    if (!isJson(given)) {
      throw new CheckpointError(
        'ERR_CASSANDRA_POSITION',
        'Expected `position` to give a JSON value for each row',
      )
    }
    return typeof given === 'object' ? structuredClone(given) : given
  }

  #refusalOf(feed: 'write()' | 'writeEpoch()'): Error | undefined {
    this.#feed ??= feed
    if (this.#feed === feed) return undefined
    return new CheckpointError(
      'ERR_CASSANDRA_EPOCH',
      'Expected rows by `write()` or by `writeEpoch()`, not by both',
    )
  }

  /** A source that hangs does not keep anybody waiting when the sink is destroyed. */
  async #unlessEnded<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#ended
    return new Promise((resolve, reject) => {
      const end = () => reject(signal.reason)
      signal.addEventListener('abort', end)
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
    })
  }

  /** An error that a promise tells needs no listener for 'error' as well. */
  async #telling<T>(action: () => Promise<T>): Promise<T> {
    this.on('error', ignore)
    try {
      return await action()
    } finally {
      if (!this.destroyed) this.off('error', ignore)
    }
  }
}

function ignore(): void {}

function destroyed(): WriteError {
  return new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
}
