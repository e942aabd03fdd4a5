import { setTimeout as delay } from 'node:timers/promises'
import { backoff } from '../../cluster/backoff.ts'
import { type Fault, faultOf, moreTelling } from '../../cluster/fault.ts'
import { unlessAborted } from '../../cluster/unlessAborted.ts'
import { within } from '../../cluster/within.ts'

/** Time limits of a request. */
export interface RepeatLimits {
  /** Longest time for one attempt. */
  readonly request_timeout_ms: number
  /** Longest time for all attempts together. */
  readonly retry_timeout_ms: number
}

/** Shortest time limit in milliseconds for a repeat. */
const LEAST_MS = 100

/** Faults that may pass. `schema` is one of them because a node may not know a new table yet. */
const passing: ReadonlySet<Fault> = new Set(['retry', 'slow', 'failure', 'unavailable', 'schema'])

/** The attempts of one request, within its time limits. */
export class Repeats {
  readonly #request_timeout_ms: number
  readonly #ends: number
  readonly #signal: AbortSignal
  #tries = 0
  /** Whether the last attempt had less time than one attempt may take. */
  #isShortened = false
  /** The error to throw when the time is up. */
  #reason: unknown

  constructor({ request_timeout_ms, retry_timeout_ms }: RepeatLimits, signal: AbortSignal) {
    this.#request_timeout_ms = request_timeout_ms
    this.#ends = performance.now() + retry_timeout_ms
    this.#signal = signal
  }

  /** Sends the request and waits for the answer, up to the time limit of one attempt. Rejects when the signal is aborted. */
  attempt<T>(send: (limit_ms: number) => Promise<T>): Promise<T> {
    const left_ms =
      this.#tries === 0 ? Number.POSITIVE_INFINITY : Math.max(LEAST_MS, this.#ends - performance.now())
    const limit_ms = Math.ceil(Math.min(this.#request_timeout_ms, left_ms))
    this.#isShortened = limit_ms < this.#request_timeout_ms
    return unlessAborted(within(limit_ms, send(limit_ms)), this.#signal)
  }

  /**
   * Waits before the next attempt.
   * @param error of the last attempt
   * @throws the same error when no repeat can help. When the time is up, the one that says most
   */
  async wait(error: unknown): Promise<void> {
    if (!isPassing(error)) throw error
    this.#reason = moreTelling(this.#reason, error, this.#isShortened)
    if (performance.now() >= this.#ends) throw this.#reason
    await delay(backoff(this.#tries++), undefined, { signal: this.#signal })
  }
}

/** Whether the same request may succeed a moment later. */
export function isPassing(error: unknown): boolean {
  return passing.has(faultOf(error))
}

/** Sends an idempotent request until it succeeds. */
export async function repeated<T>(
  send: (limit_ms: number) => Promise<T>,
  limits: RepeatLimits,
  signal: AbortSignal,
): Promise<T> {
  const repeats = new Repeats(limits, signal)
  for (;;) {
    try {
      return await repeats.attempt(send)
    } catch (error) {
      await repeats.wait(error)
    }
  }
}
