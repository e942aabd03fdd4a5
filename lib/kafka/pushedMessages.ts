import type { KafkaRecord, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'

/** Batches that may wait to be taken. */
const MOST_BATCHES = 2

/** What a client does for one partition. */
interface Flow {
  pause(): void
  resume(): void
}

/** Messages of one partition that a client pushes, on their way to whoever takes them. */
export class PushedMessages {
  readonly of: TopicPartition
  /** Resolves when it is ended; rejects when no message can follow. */
  readonly ended: Promise<void>
  readonly #take: (records: readonly KafkaRecord[]) => undefined | Promise<void>
  readonly #flow: Flow
  #next: bigint
  /** Behind what the client passed over without a message. */
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

  /** Offset of the message that comes next. */
  get next(): bigint {
    return this.#next
  }

  /** Highest offset from which the client may read on. */
  get expected(): bigint {
    const isAhead = this.#passed > this.#next
    return isAhead ? this.#passed : this.#next
  }

  /** The client reads from `next` on again. */
  sought(): void {
    this.#passed = this.#next
  }

  /** The client goes on behind this offset, since there is no message up to it. */
  passOver(last: bigint): void {
    this.#passed = last + 1n
  }

  /** Returns false when the messages have to come again. */
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
