import { EpochCutter } from '../epoch/epochCutter.ts'
import type { EpochRows } from '../epoch/epochRows.ts'
import type { CommittedEpoch, EpochMoments, EpochWriter } from '../epoch/epochWriter.ts'
import { RowError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { KafkaMessage, KafkaRecord, TopicPartition } from '../options/kafkaClient.ts'
import type { EpochSettings } from '../options/settings.ts'
import { GivenRow } from '../row/givenRow.ts'
import { BadRow } from '../write/badRow.ts'
import type { EncodeResult } from '../write/liveTable.ts'
import type { Progress } from '../write/progress.ts'
import type { CollectedBytes, Collecting, Share } from './collectedBytes.ts'
import type { MessagePlaces } from './messagePlaces.ts'
import { type MessageRows, messageRefused } from './messageRows.ts'
import type { Position } from './position.ts'
import { WriteTimes } from './writeTimes.ts'

/** What a {@link PartitionWriter} uses. */
export interface PartitionParts {
  readonly writer: EpochWriter
  readonly settings: EpochSettings
  readonly progress: Progress
  readonly places: MessagePlaces
  readonly rows: MessageRows
  readonly bytes: CollectedBytes
  /** Called when an epoch is committed. */
  readonly onCommit: (epoch: CommittedEpoch) => void
  readonly onFailure: (error: Error) => void
}

/** Turns the messages of one partition into rows, and writes the rows in epochs. */
export class PartitionWriter implements Collecting {
  readonly #of: TopicPartition
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
  #isClosed = false
  #closed: Promise<void> | undefined

  /** @param from where reading continues */
  constructor(of: TopicPartition, from: Position, parts: PartitionParts) {
    this.#of = of
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
  }

  get isReplaying(): boolean {
    return this.#cutter.isReplaying
  }

  cut(): void {
    this.#cutter.cut()
  }

  /** Takes messages, and resolves when it can take more. Ignores messages after `close()`. */
  async add(records: readonly KafkaRecord[]): Promise<void> {
    try {
      for (const record of records) {
        if (this.#isClosed) return
        // A client may deliver messages again.
        if (record.offset < this.#offset) continue
        const wait = this.#addMessage(record)
        if (wait !== undefined) await wait
      }
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
    this.#cutter.pass(this.#position(this.#offset, 0, this.#times.last))
    await this.finish()
  }

  /** Resolves when all rows so far are committed. An incomplete replay stays sealed. */
  async finish(): Promise<void> {
    try {
      if (!this.#isClosed) await this.#cutter.finish()
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  /** Stops writing at once. Resolves when the checkpoint is released. Never throws. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    this.#cutter.stop()
    this.#share.close()
    await this.#parts.writer.close()
  }

  #addMessage(record: KafkaRecord): undefined | Promise<void> {
    const { offset } = record
    const before = this.#times.last
    const message: KafkaMessage = { ...record, write_time: this.#times.of(record.timestamp) }
    // Kafka may have deleted the message whose first rows are written. The rows of this one are then all new.
    const skip = offset === this.#offset ? this.#skip : 0
    this.#offset = offset + 1n
    this.#skip = 0
    const { rows, failure } = this.#rowsOf(message)
    const after = this.#position(offset + 1n, 0, this.#times.last)
    const count = failure === undefined ? rows.length : 1
    if (count <= skip) {
      this.#cutter.pass(after)
      return undefined
    }
    this.#parts.places.add(this.#nextIndex, message)
    const add = (from: number): undefined | Promise<void> => {
      for (let i = from; i < count && !this.#isClosed; i++) {
        const row = failure === undefined ? this.#encode(rows[i]) : this.#refused(message, failure.cause)
        const position = i === count - 1 ? after : this.#position(offset, i + 1, before)
        const wait = this.#addRow(row, position)
        if (wait !== undefined) return wait.then(() => add(i + 1))
      }
      return undefined
    }
    return add(skip)
  }

  #addRow(row: EncodeResult, position: Json): undefined | Promise<void> {
    const wait = this.#cutter.add(row, position)
    const room = () => this.#share.collected(this.#cutter.collectedBytes)
    return wait === undefined ? room() : wait.then(room)
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

  async #write(id: number, epoch: EpochRows, { sealed, sent }: EpochMoments): Promise<void> {
    const { bytes } = epoch
    let isLeaving = true
    const leave = () => {
      if (isLeaving) this.#share.left(bytes)
      isLeaving = false
    }
    this.#share.begin(bytes, this.#cutter.collectedBytes)
    try {
      const written = this.#parts.writer.write(id, epoch, {
        ...(sealed !== undefined && { sealed }),
        sent: () => {
          leave()
          sent?.()
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
    }
  }

  #fail(error: Error): void {
    if (this.#isClosed) return
    this.#parts.onFailure(error instanceof RowError ? this.#located(error) : error)
  }

  /** Adds to an error which message the row came from. */
  #located(error: RowError): RowError {
    if (error.code === 'ERR_CASSANDRA_KAFKA_MESSAGE') return error
    const place = this.#parts.places.of(error.row_index)
    if (place === undefined) return error
    const { topic, partition } = this.#of
    const message = `Message at offset ${place.offset} of ${topic}/${partition}: ${error.message}`
    const { row_index, column, cql_type, expected } = error
    const located = new RowError(
      error.code,
      message,
      {
        row_index,
        ...(column !== undefined && { column }),
        ...(cql_type !== undefined && { cql_type }),
        ...(expected !== undefined && { expected }),
      },
      { cause: error },
    )
    located.counts = error.counts
    located.unacknowledged = error.unacknowledged
    return located
  }
}
