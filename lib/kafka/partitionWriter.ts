import { EpochCutter } from '../epoch/epochCutter.ts'
import type { EpochMoments } from '../epoch/epochMoments.ts'
import type { EpochRows } from '../epoch/epochRows.ts'
import type { CommittedEpoch, EpochWriter } from '../epoch/epochWriter.ts'
import type { Json } from '../json.ts'
import type { KafkaMessage, KafkaRecord } from '../options/kafkaClient.ts'
import type { EpochSettings } from '../options/settings.ts'
import { GivenRow } from '../row/givenRow.ts'
import { BadRow } from '../write/badRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import { type CollectedBytes, type Collecting, memoryOf, type Share } from './collectedBytes.ts'
import type { HandlerCalls } from './handlerCalls.ts'
import type { MessagePlaces } from './messagePlaces.ts'
import { type MessageRows, messageRefused, rowsMissing } from './messageRows.ts'
import type { Position } from './position.ts'
import { copyOfRecord } from './recordBytes.ts'
import { WriteTimes } from './writeTimes.ts'

/** What a {@link PartitionWriter} uses. */
export interface PartitionParts {
  readonly writer: EpochWriter
  readonly settings: EpochSettings
  readonly progress: Progress
  readonly places: MessagePlaces
  readonly rows: MessageRows
  readonly bytes: CollectedBytes
  readonly calls: HandlerCalls
  /** Called when an epoch is committed. */
  readonly onCommit: (epoch: CommittedEpoch) => void
  readonly onFailure: (error: Error) => void
}

/** Turns the messages of one partition into rows, and writes the rows in epochs. */
export class PartitionWriter implements Collecting {
  readonly #parts: PartitionParts
  readonly #cutter: EpochCutter
  readonly #share: Share
  readonly #times: WriteTimes
  readonly #topicId: string
  /** Offset of the next message. */
  #offset: bigint
  /** How many rows of that message are already written. */
  #skip: number
  /** Index of the next row. */
  #nextIndex = 0
  /** Bytes of the messages that are kept for the epoch that is collected. */
  #messageBytes = 0
  /** Settles when the messages that came last are added. */
  #adding: Promise<void> = Promise.resolve()
  #isFinishing = false
  /** Ends the wait of `finish()`, because `on_bad_row` may never resolve. */
  #onClose = () => {}
  #isClosed = false
  #closed: Promise<void> | undefined

  /** @param from where reading continues */
  constructor(from: Position, parts: PartitionParts) {
    this.#parts = parts
    this.#offset = BigInt(from.offset)
    this.#skip = from.rows
    this.#times = new WriteTimes(from.write_time)
    this.#topicId = from.topic_id
    const { writer, settings, progress } = parts
    this.#cutter = new EpochCutter(writer, settings, progress, (id, epoch, moments) =>
      this.#write(id, epoch, moments),
    )
    this.#share = parts.bytes.open(this)
    parts.calls.onChange = () => this.#share.waits()
  }

  get isReplaying(): boolean {
    return this.#cutter.isReplaying
  }

  get isWaiting(): boolean {
    return this.#parts.calls.isPending
  }

  cut(): void {
    this.#cutter.cut()
  }

  /**
   * Takes messages, and resolves when it can take more. Ignores messages after `finish()` and `close()`.
   * @param next as {@link TakeRecords} has it
   */
  add(records: readonly KafkaRecord[], next?: bigint): Promise<void> {
    this.#adding = this.#addAll(records, next)
    return this.#adding
  }

  async #addAll(records: readonly KafkaRecord[], next: bigint | undefined): Promise<void> {
    try {
      for (const record of records) {
        if (this.#isFinishing || this.#isClosed) return
        // A client may deliver messages again.
        if (record.offset < this.#offset) continue
        const wait = this.#addMessage(record)
        if (wait !== undefined) await wait
      }
      if (next !== undefined && next > this.#offset && !this.#isFinishing && !this.#isClosed) this.#pass(next)
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** Where reading continues. */
  get next(): Position {
    return this.#position(this.#offset, this.#skip, this.#times.last)
  }

  /** Records durably where the partition begins, before its first row. */
  async begin(): Promise<void> {
    this.#pass(this.#offset)
    await this.#commit()
  }

  /** Takes no more messages, and resolves when all rows so far are committed. An incomplete replay stays sealed. */
  async finish(): Promise<void> {
    this.#isFinishing = true
    const closed = new Promise<void>(resolve => {
      this.#onClose = resolve
    })
    await Promise.race([this.#adding, closed])
    await this.#commit()
    if (!this.#isClosed) await this.#parts.writer.checkBadRows().catch((error: Error) => this.#fail(error))
  }

  async #commit(): Promise<void> {
    try {
      if (!this.#isClosed) await this.#cutter.finish()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** Moves the position to an offset before which there are no more messages. */
  #pass(offset: bigint): void {
    this.#offset = offset
    this.#skip = 0
    this.#cutter.pass(this.#position(offset, 0, this.#times.last))
  }

  /** Stops writing at once. Resolves when the checkpoint is released. Never throws. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    this.#onClose()
    this.#cutter.stop()
    this.#share.close()
    await this.#parts.writer.close()
  }

  #addMessage(record: KafkaRecord): undefined | Promise<void> {
    const { offset } = record
    const before = this.#times.last
    const own = this.#parts.places.keepsMessages ? copyOfRecord(record) : record
    const message: KafkaMessage = { ...own, write_time: this.#times.of(record.timestamp) }
    // Kafka may have deleted the message whose first rows are written. The rows of this one are then all new.
    const skip = offset === this.#offset ? this.#skip : 0
    this.#offset = offset + 1n
    this.#skip = 0
    const { rows, failure } = this.#rowsOf(message)
    const after = this.#position(offset + 1n, 0, this.#times.last)
    const count = failure === undefined ? rows.length : 1
    if (failure === undefined && count <= skip) {
      // The rows that are written were not the last ones of the message.
      if (skip > 0) throw rowsMissing(message, rows.length, skip)
      this.#cutter.pass(after)
      return undefined
    }
    this.#messageBytes += this.#parts.places.add(this.#nextIndex, message)
    const add = (from: number): undefined | Promise<void> => {
      for (let i = from; i < count && !this.#isClosed; i++) {
        const row = failure === undefined ? this.#encode(rows[i]) : this.#refused(message, failure.cause)
        const position = i === count - 1 ? after : this.#position(offset, i + 1, before)
        const wait = this.#addRow(row, position)
        if (wait !== undefined) return wait.then(() => add(i + 1))
      }
      return undefined
    }
    return add(failure === undefined ? skip : 0)
  }

  #addRow(row: EncodeResult, position: Json): undefined | Promise<void> {
    const wait = this.#cutter.add(row, position)
    const room = () => this.#share.collected(this.#collectedBytes)
    return wait === undefined ? room() : wait.then(room)
  }

  /** Bytes of the epoch that is collected, and of the messages that are kept for it. */
  get #collectedBytes(): number {
    return memoryOf(this.#cutter.collected) + this.#messageBytes
  }

  #rowsOf(message: KafkaMessage): { rows: readonly object[]; failure?: { readonly cause: unknown } } {
    try {
      return { rows: this.#parts.rows.of(message) }
    } catch (cause) {
      return { rows: [], failure: { cause } }
    }
  }

  #encode(row: unknown): EncodeResult {
    this.#nextIndex++
    return this.#parts.writer.encode(row)
  }

  /** A message for which `row` failed takes one row number, as if it were one row. */
  #refused(message: KafkaMessage, cause: unknown): EncodeResult {
    const error = messageRefused(message, this.#nextIndex, cause)
    return this.#encode(undefined) instanceof BadRow ? new BadRow(error, new GivenRow(undefined)) : error
  }

  #position(offset: bigint, rows: number, write_time: number): Position {
    return { offset: String(offset), rows, write_time, topic_id: this.#topicId }
  }

  async #write(id: number, epoch: EpochRows, moments: EpochMoments): Promise<void> {
    const bytes = memoryOf(epoch)
    const messageBytes = this.#messageBytes
    this.#messageBytes = 0
    let isLeaving = true
    const leave = () => {
      if (!isLeaving) return
      isLeaving = false
      this.#share.left(bytes)
      this.#share.keep(messageBytes)
    }
    this.#share.begin(bytes + messageBytes, this.#collectedBytes)
    try {
      const written = this.#parts.writer.write(id, epoch, {
        ...moments,
        sent: () => {
          leave()
          moments.sent?.()
        },
      })
      const committed = await written
      this.#parts.places.forget(epoch.lastIndex + 1)
      if (!this.#isClosed) this.#parts.onCommit(committed)
    } catch (error) {
      this.#fail(error as Error)
      throw error
    } finally {
      leave()
      this.#share.committed(messageBytes)
    }
  }

  #fail(error: Error): void {
    if (this.#isClosed) return
    this.#parts.onFailure(error)
  }
}
