import type { KafkaRecord, TakeRecords, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'
import type { Pushed, PushedBytes } from './pushedBytes.ts'
import { bytesOfRecord } from './recordBytes.ts'

/** Maximum number of batches that wait to be taken. If the bytes of all partitions are at their limit, it is one. */
const MOST_BATCHES = 2

/** Pauses and resumes one partition of a client. */
interface Flow {
  pause(): void
  resume(): void
}

/** Messages of one partition that a client has pushed and that are not yet taken. */
export class PushedMessages implements Pushed {
  readonly of: TopicPartition
  /** Resolves after `end()`; rejects after `fail()`, or when `take` fails. */
  readonly ended: Promise<void>
  readonly #take: TakeRecords
  readonly #flow: Flow
  readonly #all: PushedBytes
  #next: bigint
  /** Offset after the last one that the client passed over without a message. */
  #passed: bigint
  /** Offset from which the client continues, at least. It may lie before `next`: the end of a transaction follows its messages. */
  #resolved: bigint
  /** Offsets without a message that lie beyond the next one, and what the next one was. */
  #jump:
    | { readonly first: bigint; readonly last: bigint; readonly from: bigint; isSought: boolean }
    | undefined
  #waiting = 0
  /** Bytes of the messages that wait. */
  #bytes = 0
  #isPaused = false
  #taking: Promise<void> = Promise.resolve()
  #end: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined

  constructor({ topic, partition, offset }: TopicOffset, take: TakeRecords, flow: Flow, all: PushedBytes) {
    this.of = { topic, partition }
    this.#next = offset
    this.#passed = offset
    this.#resolved = offset
    this.#take = take
    this.#flow = flow
    this.#all = all
    all.join(this)
    this.ended = new Promise((resolve, reject) => {
      this.#end = { resolve, reject }
    })
  }

  /** Offset of the next message. */
  get next(): bigint {
    return this.#next
  }

  /** Whether a client that continues at this offset misses no message, and reads the log that it read before. */
  isExpected(offset: bigint): boolean {
    return offset >= this.#resolved && (offset <= this.#next || offset <= this.#passed)
  }

  /** The client seeks to `next`. */
  sought(): void {
    this.#passed = this.#next
    this.#resolved = this.#next
    if (this.#jump !== undefined) this.#jump.isSought = true
  }

  /**
   * The client has read these offsets, which have no message, and none between `next` and them. It may have read them before it did
   * the last seek. Returns whether it read them again after another one: there is then no message before them either.
   */
  isGap(first: bigint, last: bigint): boolean {
    const before = this.#jump
    const isSame = before?.first === first && before.last === last && before.from === this.#next
    if (isSame) return before.isSought
    this.#jump = { first, last, from: this.#next, isSought: false }
    return false
  }

  /** The client continues after this offset. */
  resolved(offset: bigint): void {
    this.#resolved = offset + 1n
  }

  /** The client continues after this offset, because there is no message up to it. */
  passOver(last: bigint): void {
    this.#passed = last + 1n
    this.#takePassed()
  }

  /**
   * Returns false if the client must deliver the messages again.
   * @param last offset up to which the client has read
   */
  add(records: readonly KafkaRecord[], last: bigint): boolean {
    if (this.#end === undefined) return false
    if (!this.#hasRoom) {
      this.#pause()
      return false
    }
    const fresh = records.filter(({ offset }) => offset >= this.#next)
    if (last < this.#next) return true
    this.#queue(fresh, last + 1n)
    if (!this.#hasRoom) this.#pause()
    return true
  }

  roomAgain(): void {
    if (!this.#isPaused || !this.#hasRoom) return
    this.#isPaused = false
    this.#flow.resume()
  }

  end(): void {
    this.#end?.resolve()
    this.#leave()
  }

  fail(error: Error): void {
    this.#end?.reject(error)
    this.#leave()
  }

  /** A replay needs its messages before it can continue, so one batch may always wait. */
  get #hasRoom(): boolean {
    return this.#waiting === 0 || (this.#waiting < MOST_BATCHES && !this.#all.isFull)
  }

  #pause(): void {
    this.#isPaused = true
    this.#flow.pause()
  }

  #leave(): void {
    if (this.#end === undefined) return
    this.#end = undefined
    this.#all.leave(this)
    this.#all.remove(this.#bytes)
    this.#bytes = 0
  }

  /** Passed offsets are taken only while nothing else waits, because no pause limits how many come. */
  #takePassed(): void {
    if (this.#waiting === 0 && this.#end !== undefined && this.#passed > this.#next)
      this.#queue([], this.#passed)
  }

  #queue(records: readonly KafkaRecord[], next: bigint): void {
    let bytes = 0
    for (const record of records) bytes += bytesOfRecord(record)
    this.#next = next
    this.#waiting++
    this.#bytes += bytes
    this.#all.add(bytes)
    this.#taking = this.#taking.then(() => this.#takeAll(records, next, bytes))
  }

  async #takeAll(records: readonly KafkaRecord[], next: bigint, bytes: number): Promise<void> {
    try {
      if (this.#end !== undefined) await this.#take(records, next)
    } catch (error) {
      this.fail(error as Error)
    }
    this.#waiting--
    if (this.#end === undefined) return
    this.#bytes -= bytes
    this.#all.remove(bytes)
    this.#takePassed()
  }
}
