import type { KafkaMessage } from '../options/kafkaClient.ts'
import { bytesOfRecord } from './recordBytes.ts'

/** A message, and the index of its first row. */
interface Place {
  readonly row_index: number
  readonly offset: bigint
  /** Kept only for `on_bad_row`. */
  readonly message: KafkaMessage | undefined
}

/** Which messages the rows of a partition came from. A message is kept until all of its rows are committed. */
export class MessagePlaces {
  readonly keepsMessages: boolean
  #places: Place[] = []
  /** Index of the first place that is not forgotten. */
  #head = 0

  constructor(keepsMessages: boolean) {
    this.keepsMessages = keepsMessages
  }

  /** Rows from this index on come from this message. Returns the bytes that are kept. */
  add(row_index: number, message: KafkaMessage): number {
    const { offset } = message
    this.#places.push({ row_index, offset, message: this.keepsMessages ? message : undefined })
    return this.keepsMessages ? bytesOfRecord(message) : 0
  }

  /** The message that a row came from. */
  of(row_index: number): Place | undefined {
    let low = this.#head
    let high = this.#places.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#places[middle]?.row_index ?? 0) <= row_index) low = middle + 1
      else high = middle
    }
    return low === this.#head ? undefined : this.#places[low - 1]
  }

  /** Forgets rows before this index: they are committed. */
  forget(row_index: number): void {
    while ((this.#places[this.#head + 1]?.row_index ?? Number.POSITIVE_INFINITY) <= row_index) this.#head++
    if (2 * this.#head < this.#places.length) return
    // At least half of the places are forgotten, so each forgotten place costs at most one copy.
    this.#places = this.#places.slice(this.#head)
    this.#head = 0
  }
}
