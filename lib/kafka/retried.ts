import { setTimeout as delay } from 'node:timers/promises'
import { backoff } from '../cluster/backoff.ts'
import { pauses } from '../cluster/pauses.ts'

/** Minimum number of milliseconds between two attempts. */
const LEAST_WAIT_MS = 200

/**
 * Repeats an attempt until it succeeds, for at most `limit_ms` milliseconds without {@link pauses}. Rejects with the reason of the
 * last attempt, or with the signal's reason.
 *
 * @param isHopeless whether another attempt cannot help
 */
export function retried<T>(
  limit_ms: number,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  isHopeless: (error: unknown) => boolean = () => false,
): Promise<T> {
  return pauses.during(() => attempts(limit_ms, signal, attempt, isHopeless))
}

async function attempts<T>(
  limit_ms: number,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  isHopeless: (error: unknown) => boolean,
): Promise<T> {
  const ends = pauses.now() + limit_ms
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if (pauses.now() >= ends || isHopeless(error)) throw error
    }
    await delay(LEAST_WAIT_MS + backoff(tries), undefined, { signal }).catch(() => {})
  }
}
