import type { CassandraStreamsError, RowCounts } from '../errors.ts'
import { failureOf } from './failure.ts'

/** Called once, after the requests in flight have settled. */
export type OnFailure = (error: Error) => void

/** The failure that a stream ends with: kept from the first error on, told when nothing is in flight any more. */
export class FailureLatch {
  readonly #settle: () => Promise<RowCounts>
  readonly #onFailure: OnFailure
  #error: CassandraStreamsError | undefined
  #settled: Promise<void> | undefined

  /** @param settle stops sending at once, and resolves with the counts when what was in flight is answered */
  constructor(settle: () => Promise<RowCounts>, onFailure: OnFailure) {
    this.#settle = settle
    this.#onFailure = onFailure
  }

  get isClosed(): boolean {
    return this.#error !== undefined
  }

  /** Ends the stream, or tells of one more reason why it ends. */
  fail(error: Error): void {
    const isFirst = this.#error === undefined
    this.#error = failureOf(this.#error, error)
    if (isFirst) this.#settled = this.#tell()
  }

  /** Ends a stream that has not failed, because somebody left it: nobody has to be told. */
  leave(reason: CassandraStreamsError): void {
    this.#error ??= reason
  }

  /** @throws the failure, when it is settled. */
  async rejection(): Promise<never> {
    await this.#settled
    throw this.#error
  }

  async #tell(): Promise<void> {
    const counts = await this.#settle()
    const error = this.#error as CassandraStreamsError
    error.counts = counts
    this.#onFailure(error)
  }
}
