import { setTimeout as delay } from 'node:timers/promises'
import { backoff } from '../cluster/backoff.ts'

/** Minimum number of milliseconds between two attempts. */
const LEAST_WAIT_MS = 200

/**
 * Repeats an attempt until it succeeds, for at most `limit_ms` milliseconds. Rejects with the reason of the last attempt, or with
 * the signal's reason.
 *
 * @param isHopeless whether another attempt cannot help
 */
export async function retried<T>(
  limit_ms: number,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  isHopeless: (error: unknown) => boolean = () => false,
): Promise<T> {
  const ends = performance.now() + limit_ms
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (performance.now() >= ends || isHopeless(error)) throw error
    }
    await delay(LEAST_WAIT_MS + backoff(tries), undefined, { signal }).catch(() => {})
  }
}
