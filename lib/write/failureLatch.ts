import { setMaxListeners } from 'node:events'
import { unlessAborted } from '../cluster/unlessAborted.ts'
import type { CassandraStreamsError, RowCounts, RowRange } from '../errors.ts'
import { failureOf } from './failure.ts'

/** The outcome of the rows of a stream. */
export interface Outcome {
  readonly counts: RowCounts
  readonly unacknowledged: readonly RowRange[]
}

/** Called once, after the requests in flight have settled. */
export type OnFailure = (error: Error) => void

/** The failure that a stream ends with. Kept from the first error, and reported when nothing is in flight any more. */
export class FailureLatch {
  readonly #settle: () => Promise<Outcome>
  readonly #onFailure: OnFailure
  /** Aborted when the failure is settled, or the stream is left. */
  readonly #ended = new AbortController()
  #error: CassandraStreamsError | undefined
  #settled: Promise<void> | undefined

  /** @param settle stops sending at once, and resolves with the outcome of the rows once those in flight are answered */
  constructor(settle: () => Promise<Outcome>, onFailure: OnFailure) {
    this.#settle = settle
    this.#onFailure = onFailure
    setMaxListeners(0, this.#ended.signal)
  }

  get isClosed(): boolean {
    return this.#error !== undefined
  }

  /** Ends the stream, or adds another reason why it ends. */
  fail(error: Error): void {
    const isFirst = this.#error === undefined
    this.#error = failureOf(this.#error, error)
    if (isFirst) this.#settled = this.#tell()
  }

  /** Ends a stream that has not failed, because its user destroyed it. Nothing is reported. */
  leave(reason: CassandraStreamsError): void {
    this.#error ??= reason
    if (this.#settled === undefined) this.#ended.abort(reason)
  }

  /** Settles like `work`, which may take any time. If the stream ends first, rejects with the failure, once it is settled. */
  unlessEnded<T>(work: Promise<T>): Promise<T> {
    return unlessAborted(work, this.#ended.signal)
  }

  /** @throws the failure, once it is settled. */
  async rejection(): Promise<never> {
    await this.#settled
    throw this.#error
  }

  async #tell(): Promise<void> {
    const outcome = await this.#settle()
    const error = this.#error as CassandraStreamsError
    Object.assign(error, outcome)
    this.#ended.abort(error)
    this.#onFailure(error)
  }
}
