import process from 'node:process'
import type { Writable } from 'node:stream'
import { unlessAborted } from '../cluster/unlessAborted.ts'
import { collectEpoch } from '../epoch/epochCollection.ts'
import { EpochCutter } from '../epoch/epochCutter.ts'
import type { EpochMoments } from '../epoch/epochMoments.ts'
import type { EpochRows } from '../epoch/epochRows.ts'
import type { CommittedEpoch, EpochWriter, LastCommit } from '../epoch/epochWriter.ts'
import { openEpochWriter } from '../epoch/openEpochWriter.ts'
import { type RowSource, releaseRows } from '../epoch/rowSource.ts'
import { CheckpointError, WriteError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { MicroBatchSinkOptions } from '../options/options.ts'
import { type EpochSettings, epochSettingsOf } from '../options/settings.ts'
import { positionOf } from '../row/position.ts'
import { type Acknowledged, Progress } from '../write/progress.ts'
import { Intake, type QueuedRow } from './intake.ts'
import { announce, ignore, RowWritable } from './rowWritable.ts'
import type { CassandraWritable } from './writable.ts'

/** The outcome of an epoch. */
export interface WrittenEpoch {
  /** Counts from 0. */
  readonly epoch_id: number
  /** Rows of the epoch, including those set aside. 0 if it was skipped. */
  readonly rows: number
  /** Whether it was already committed, so that its rows were not read. */
  readonly skipped: boolean
  /** Whether an earlier run began it, and it is now complete. */
  readonly replayed: boolean
}

/**
 * An object-mode Writable that writes rows in epochs, each exactly once. `'finish'` means that the last epoch is committed,
 * unless {@link MicroBatchSink.ended} is `'in replay'`. `'commit'` comes with a {@link CommittedEpoch} once an epoch is durable, in
 * the order of epochs.
 */
export interface MicroBatchSink<Row extends object = object> extends CassandraWritable<Row> {
  /**
   * Set at `'finish'`. `'in replay'` means that the rows ended before an epoch of an earlier run was complete. That epoch stays
   * sealed, may be partly in the table, and the next run replays it.
   */
  readonly ended: 'committed' | 'in replay' | undefined
  /** The last commit, after which the source must continue, or null if there is none. Connects if needed. */
  open(): Promise<LastCommit | null>
  /**
   * Writes the rows as one epoch. Resolves when it is committed. Epochs count from 0. A committed epoch is skipped, and one that
   * was begun is replayed. A sink is fed by `write()` or by `writeEpoch()`, not by both.
   * @throws RowError or CheckpointError, and then nothing of the epoch is written. WriteError, or RowError
   * `ERR_CASSANDRA_ROW_REFUSED`, and then the sink is destroyed. It is also destroyed if `on_bad_row` throws or `max_errors` is
   * exceeded. Errors of the source are passed on.
   */
  writeEpoch(epoch_id: number, rows: RowSource<Row>): Promise<WrittenEpoch>
  /** Calls the listener after each committed epoch, like `'commit'`. */
  on(event: 'acknowledged', listener: (acknowledged: Acknowledged) => void): this
  /** Calls the listener after each committed epoch. */
  on(event: 'commit', listener: (epoch: CommittedEpoch) => void): this
  /** The events of every Writable. */
  on(...args: Parameters<Writable['on']>): this
}

/**
 * Opens a stream that writes each row into a Cassandra table exactly once. The process may be killed at any moment and started
 * again: the table ends up the same. The source must replay the same rows in the same order, starting after the last commit.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else comes as `'error'`:
 * {@link ConnectionError}, {@link SchemaError}, {@link RowError}, {@link WriteError}, {@link CheckpointError}.
 */
export function createMicroBatchSink<Row extends object = object>(
  options: MicroBatchSinkOptions<Row>,
): MicroBatchSink<Row> {
  return new EpochSink<Row>(epochSettingsOf(options))
}

/** A row with its position in the source, both as they were when the row was given. */
interface Arrival {
  readonly row: QueuedRow
  readonly position: Json | undefined
}

class EpochSink<Row extends object> extends RowWritable implements MicroBatchSink<Row> {
  readonly #settings: EpochSettings
  readonly #intake: Intake<EpochWriter>
  readonly #opened: Promise<void>
  readonly #leaving = new AbortController()
  ended: MicroBatchSink['ended']
  /** Cuts the rows of `write()` into epochs. */
  #cutter: EpochCutter | undefined
  #feed: 'write()' | 'writeEpoch()' | undefined
  /** Calls of `writeEpoch` are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Calls of `writeEpoch` that have not settled. */
  readonly #turns = new Set<Promise<WrittenEpoch>>()

  constructor(settings: EpochSettings) {
    const progress = new Progress(
      settings,
      () => this.listenerCount('acknowledged') > 0,
      acknowledged => announce(this, 'acknowledged', acknowledged),
    )
    const intake = new Intake<EpochWriter>(progress)
    super(intake, row => arrivalOf(row, intake, settings), settings.signal)
    this.#settings = settings
    this.#intake = intake
    this.#opened = intake.openBy((signal, hold) =>
      openEpochWriter(
        settings,
        { tally: intake.tally, progress, onFailure: error => this.destroy(error) },
        signal,
        hold,
      ),
    )
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#opened.then(() => done(), done)
  }

  open(): Promise<LastCommit | null> {
    return this.#telling(async () => (await this.#writer()).committed)
  }

  override _write(arrival: Arrival, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const writer = this.#intake.writer as EpochWriter
    this.#cutter ??= this.#newCutter(writer)
    const row = this.#refusalOf('write()') ?? this.#intake.encoded(arrival.row)
    const wait = this.#cutter.add(row, arrival.position)
    if (wait === undefined) done()
    else wait.then(() => done(), this.#failing(done))
  }

  #newCutter(writer: EpochWriter): EpochCutter {
    const write = (id: number, epoch: EpochRows, moments: EpochMoments) =>
      this.#write(writer, id, epoch, moments)
    return new EpochCutter(writer, this.#settings, this.#intake.progress, write)
  }

  override async flush(): Promise<void> {
    const flushed = super.flush()
    this.#cutter?.flush(this.#intake.lastIndex)
    await Promise.all([flushed, ...this.#turns])
  }

  writeEpoch(epoch_id: number, rows: RowSource<Row>): Promise<WrittenEpoch> {
    const isLate = this.writableEnded
    const write = () => {
      if (isLate)
        throw new CheckpointError(
          'ERR_CASSANDRA_EPOCH',
          '`writeEpoch()` was called after `end()`. Call it before.',
        )
      return this.#writeEpoch(epoch_id, rows)
    }
    const turn = this.#turn.then(() => this.#telling(write))
    const settled = () => {
      this.#turns.delete(turn)
    }
    this.#turns.add(turn)
    this.#turn = turn.then(settled, settled)
    return turn
  }

  async #writeEpoch(epoch_id: number, rows: RowSource<Row>): Promise<WrittenEpoch> {
    const writer = await this.#writer()
    const refusal = this.#refusalOf('writeEpoch()')
    if (refusal !== undefined) throw refusal
    const decision = writer.decide(epoch_id)
    if (decision === 'skip') {
      await unlessAborted(releaseRows(rows), this.#leaving.signal)
      return { epoch_id, rows: 0, skipped: true, replayed: false }
    }
    // After a refusal here the sink can continue, and the source may bring the right rows.
    const onEnd = (error: Error) => void this.destroy(error)
    const epoch = await collectEpoch(writer, this.#settings, rows, this.#leaving.signal, onEnd)
    await this.#write(writer, epoch_id, epoch)
    return { epoch_id, rows: epoch.count, skipped: false, replayed: decision === 'replay' }
  }

  /** An error of the writer ends the sink. It comes by the promise and as 'error'. */
  async #write(
    writer: EpochWriter,
    epoch_id: number,
    epoch: EpochRows,
    moments?: EpochMoments,
  ): Promise<void> {
    try {
      const committed = await writer.write(epoch_id, epoch, moments)
      if (!this.destroyed) announce(this, 'commit', committed)
    } catch (error) {
      this.destroy(error as Error)
      throw error
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish().then(() => done(), this.#failing(done))
  }

  async #finish(): Promise<void> {
    await this.#turn
    const writer = this.#intake.writer as EpochWriter
    // An empty epoch has no row that would start its replay.
    if (this.#feed === undefined && writer.sealed !== undefined) this.#cutter = this.#newCutter(writer)
    await this.#cutter?.finish()
    await writer.checkBadRows()
    const { sealed } = writer
    this.ended = sealed === undefined ? 'committed' : 'in replay'
    if (sealed === undefined) this.#intake.progress.complete()
    else {
      const { epoch_id, rows } = sealed
      const message =
        `Epoch ${epoch_id} stays sealed: the stream ended before all of its ${rows} rows were replayed. ` +
        'The next run must replay it.'
      process.emitWarning(message, {
        type: 'CassandraStreamsWarning',
        code: 'CASSANDRA_STREAMS_ENDED_IN_REPLAY',
      })
    }
    await writer.close()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leaving.abort(error ?? destroyed())
    this.#cutter?.stop()
    const closed = this.#intake.close(error)
    this.#intake.account(error)
    closed.then(() => done(error))
  }

  /** The first receiver of the error already finds final counts in it. */
  #failing(done: (error: Error) => void): (error: Error) => void {
    return error => {
      this.destroy(error)
      done(error)
    }
  }

  async #writer(): Promise<EpochWriter> {
    try {
      await this.#opened
    } catch (error) {
      this.destroy(error as Error)
      throw error
    }
    const { writer } = this.#intake
    if (writer === undefined || this.destroyed) throw this.errored ?? destroyed()
    return writer
  }

  #refusalOf(feed: 'write()' | 'writeEpoch()'): Error | undefined {
    this.#feed ??= feed
    if (this.#feed === feed) return undefined
    return new CheckpointError(
      'ERR_CASSANDRA_EPOCH',
      'Rows came by `write()` and by `writeEpoch()`. Use one of both per sink.',
    )
  }

  /** An error that a promise reports needs no listener for 'error'. */
  async #telling<T>(action: () => Promise<T>): Promise<T> {
    this.on('error', ignore)
    try {
      return await action()
    } catch (error) {
      this.#intake.account(error)
      throw error
    } finally {
      if (!this.destroyed) this.off('error', ignore)
    }
  }
}

function arrivalOf(row: unknown, intake: Intake<EpochWriter>, settings: EpochSettings): Arrival {
  const queued = intake.queue(row)
  if (queued instanceof Error) return { row: queued, position: undefined }
  try {
    return { row: queued, position: positionOf(row, settings) }
  } catch (error) {
    return { row: error as Error, position: undefined }
  }
}

function destroyed(): WriteError {
  return new WriteError('ERR_CASSANDRA_WRITE', 'The stream was destroyed')
}
