import { pauses } from '../cluster/pauses.ts'
import { KafkaError } from '../errors.ts'
import type { TakeRecords, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'
import { kafkaWordsOf } from './kafkaFailure.ts'
import type { RecordsFound } from './recordBatches.ts'

/** Messages of one partition that were fetched and are not yet taken. */
export class FetchQueue {
  readonly of: TopicPartition
  /** Resolves when the signal is aborted; rejects if no more messages can be read. */
  readonly ended: Promise<void>
  /** Offset of the next fetch. */
  next: bigint
  /** Id of the topic, once it is known. */
  topicId: string | undefined
  /** Bytes that were fetched and are not yet taken. */
  bytes = 0
  /** When the first of the consecutive failures happened, on the clock of {@link pauses}. */
  failingSince: number | undefined
  readonly #take: TakeRecords
  /** Called when there is room for more bytes. */
  readonly #onRoom: () => void
  readonly #waiting: RecordsFound[] = []
  #isTaking = false
  /** Settles `ended`. Undefined once that is done. */
  #end: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined

  constructor(
    { topic, partition, offset }: TopicOffset,
    take: TakeRecords,
    signal: AbortSignal,
    onRoom: () => void,
  ) {
    this.of = { topic, partition }
    this.next = offset
    this.#take = take
    this.#onRoom = onRoom
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject }
    })
    pauses.watch(this)
    if (signal.aborted) this.#leave()
    else signal.addEventListener('abort', () => this.#leave(), { once: true })
  }

  get isOver(): boolean {
    return this.#end === undefined
  }

  /** Adds messages that were fetched from this offset on. Ignores them unless the next fetch begins there. */
  add(from: bigint, found: RecordsFound): void {
    if (this.isOver || from !== this.next) return
    if (found.next === from) return
    this.next = found.next
    this.bytes += found.bytes
    this.#waiting.push(found)
    if (!this.#isTaking) void this.#takeAll()
  }

  /** An attempt to read has failed. Ends the queue once attempts have failed for more than `limit_ms` since the first one. */
  failed(cause: unknown, limit_ms: number): void {
    const now = pauses.now()
    this.failingSince ??= now
    const failing_ms = now - this.failingSince
    if (failing_ms <= limit_ms) return
    const seconds = Math.round(failing_ms / 1000)
    this.lose(`no attempt has succeeded for ${seconds} s. The last reason: ${kafkaWordsOf(cause)}`, cause)
  }

  /** Ends the queue with an error that says why its messages cannot be read. */
  lose(why: string, cause?: unknown): void {
    const { topic, partition } = this.of
    const text = `Messages of ${topic}/${partition} cannot be read from offset ${this.next}: ${why}`
    const details = { topic, partition, offset: String(this.next), cause }
    this.fail(new KafkaError('ERR_CASSANDRA_KAFKA', text, details))
  }

  fail(error: Error): void {
    this.#end?.reject(error)
    this.#leave()
  }

  async #takeAll(): Promise<void> {
    this.#isTaking = true
    for (let found = this.#waiting.shift(); found !== undefined; found = this.#waiting.shift()) {
      try {
        const wait = this.#take(found.records, found.next)
        if (wait !== undefined) await wait
      } catch (error) {
        this.fail(error as Error)
      }
      this.bytes -= found.bytes
      this.#onRoom()
    }
    this.#isTaking = false
  }

  #leave(): void {
    for (const { bytes } of this.#waiting.splice(0)) this.bytes -= bytes
    const end = this.#end
    this.#end = undefined
    pauses.forget(this)
    end?.resolve()
    this.#onRoom()
  }
}
