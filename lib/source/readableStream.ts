import type { CassandraReadableOptions } from '../options/readOptions.ts'
import { type ReadSettings, readSettingsOf } from '../options/readSettings.ts'
import type { PlainRow } from '../read/rowPlan.ts'
import { onAbort } from '../sink/abort.ts'
import type { Positions } from './readable.ts'
import { Reading } from './reading.ts'

/** Rows that wait in the stream for its consumer. */
const HIGH_WATER_MARK = 256

/**
 * Like `createCassandraReadable`, over the web's `ReadableStream`. `cancel()` ends its requests.
 *
 * @throws OptionError at once, when an option is unknown, missing or wrong. Everything else errors the stream:
 * {@link ConnectionError}, {@link SchemaError}, {@link ReadError}, and OptionError for faults that only Cassandra finds.
 */
export function createCassandraReadableStream<Row extends object = Record<string, unknown>>(
  options: CassandraReadableOptions,
): ReadableStream<Row> & Positions {
  const settings = readSettingsOf(options)
  const reading = new Reading(settings, error => source.endWith(error))
  const source: RowSource = new RowSource(settings, reading)
  const stream = new ReadableStream<object>(source, { highWaterMark: HIGH_WATER_MARK })
  const positions: Positions = {
    positionOf: row => reading.positionOf(row),
    acknowledge: position => reading.acknowledge(position),
  }
  return Object.assign(stream as ReadableStream<Row>, positions)
}

class RowSource {
  readonly #settings: ReadSettings
  readonly #reading: Reading
  #rows: readonly PlainRow[] = []
  #at = 0
  #isOver = false
  #isClosed = false
  #controller: ReadableStreamDefaultController<object> | undefined
  #forget = () => {}

  constructor(settings: ReadSettings, reading: Reading) {
    this.#settings = settings
    this.#reading = reading
  }

  async start(controller: ReadableStreamDefaultController<object>): Promise<void> {
    const { signal } = this.#settings
    this.#controller = controller
    if (signal !== undefined) {
      this.#forget = onAbort(signal, () => {
        controller.error(signal.reason)
        void this.#close(signal.reason)
      })
    }
    try {
      await this.#reading.opened()
    } catch (error) {
      await this.#close(error)
      throw error
    }
  }

  /**
   * Ends with an error that does not come from a read.
   * @returns false if the stream has ended without an error
   */
  endWith(error: Error): boolean {
    if (this.#isClosed) return false
    this.#controller?.error(error)
    void this.#close(error)
    return true
  }

  async pull(controller: ReadableStreamDefaultController<object>): Promise<void> {
    try {
      while (this.#at === this.#rows.length) {
        const rows = this.#isOver ? undefined : await this.#reading.next()
        if (rows === undefined) {
          this.#isOver = true
          // Rows that wait in the stream may still be acknowledged. Each read of one asks here again.
          if ((controller.desiredSize ?? HIGH_WATER_MARK) < HIGH_WATER_MARK) return
          await this.#close(undefined)
          this.#isClosed = true
          controller.close()
          return
        }
        this.#rows = rows
        this.#at = 0
      }
      while (this.#at < this.#rows.length && (controller.desiredSize ?? 0) > 0) {
        controller.enqueue(this.#rows[this.#at++] as PlainRow)
      }
    } catch (error) {
      await this.#close(error)
      throw error
    }
  }

  cancel(reason: unknown): Promise<void> {
    this.#isClosed = true
    return this.#close(reason)
  }

  async #close(reason: unknown): Promise<void> {
    this.#forget()
    await this.#reading.close(reason)
  }
}
