import type { KafkaRecord, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'

/** Most batches that wait to be taken. */
const MOST_BATCHES = 2

/** Pauses and resumes one partition of a client. */
interface Flow {
  pause(): void
  resume(): void
}

/** Messages of one partition that a client has pushed and that are not yet taken. */
export class PushedMessages {
  readonly of: TopicPartition
  /** Resolves after `end()`; rejects after `fail()`, or when `take` fails. */
  readonly ended: Promise<void>
  readonly #take: (records: readonly KafkaRecord[]) => undefined | Promise<void>
  readonly #flow: Flow
  #next: bigint
  /** Offset after the last one that the client passed over without a message. */
  #passed: bigint
  #waiting = 0
  #taking: Promise<void> = Promise.resolve()
  #end: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined

  constructor(
    { topic, partition, offset }: TopicOffset,
    take: (records: readonly KafkaRecord[]) => undefined | Promise<void>,
    flow: Flow,
  ) {
    this.of = { topic, partition }
    this.#next = offset
    this.#passed = offset
    this.#take = take
    this.#flow = flow
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject }
    })
  }

  /** Offset of the next message. */
  get next(): bigint {
    return this.#next
  }

  /** Highest offset from which the client can continue without missing a message. */
  get expected(): bigint {
    const isAhead = this.#passed > this.#next
    return isAhead ? this.#passed : this.#next
  }

  /** The client seeks to `next`. */
  sought(): void {
    this.#passed = this.#next
  }

  /** The client continues after this offset, because there is no message up to it. */
  passOver(last: bigint): void {
    this.#passed = last + 1n
  }

  /** Returns false if the client must deliver the messages again. */
  add(records: readonly KafkaRecord[]): boolean {
    const last = records.at(-1)
    if (this.#end === undefined || last === undefined) return false
    if (this.#waiting >= MOST_BATCHES) {
      this.#flow.pause()
      return false
    }
    const fresh = records.filter(({ offset }) => offset >= this.#next)
    if (last.offset >= this.#next) this.#next = last.offset + 1n
    if (fresh.length === 0) return true
    this.#waiting++
    if (this.#waiting === MOST_BATCHES) this.#flow.pause()
    this.#taking = this.#taking.then(() => this.#takeAll(fresh))
    return true
  }

  end(): void {
    this.#end?.resolve()
    this.#end = undefined
  }

  fail(error: Error): void {
    this.#end?.reject(error)
    this.#end = undefined
  }

  async #takeAll(records: readonly KafkaRecord[]): Promise<void> {
    try {
      if (this.#end !== undefined) await this.#take(records)
    } catch (error) {
      this.fail(error as Error)
    }
    this.#waiting--
    if (this.#end !== undefined && this.#waiting === MOST_BATCHES - 1) this.#flow.resume()
  }
}
