import type { KafkaMessage } from '../options/kafkaClient.ts'

/** The first row of a message. */
interface Place {
  readonly row_index: number
  readonly offset: bigint
  /** Kept where somebody is told of bad rows. */
  readonly message: KafkaMessage | undefined
}

/** Which messages the rows of a partition came from, until they are written for good. */
export class MessagePlaces {
  readonly #keepsMessages: boolean
  #places: Place[] = []
  /** Those before are forgotten. */
  #head = 0

  constructor(keepsMessages: boolean) {
    this.#keepsMessages = keepsMessages
  }

  /** The next rows, from this one on, come from a message. */
  add(row_index: number, message: KafkaMessage): void {
    const { offset } = message
    this.#places.push({ row_index, offset, message: this.#keepsMessages ? message : undefined })
  }

  /** Where a row came from. */
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

  /** Rows before this one are written for good. */
  forget(row_index: number): void {
    while ((this.#places[this.#head + 1]?.row_index ?? Number.POSITIVE_INFINITY) <= row_index) this.#head++
    if (2 * this.#head < this.#places.length) return
    // Each place is moved at most once per place that is forgotten.
    this.#places = this.#places.slice(this.#head)
    this.#head = 0
  }
}
