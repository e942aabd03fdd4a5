const FIRST_MS = 50
const MOST_MS = 5_000

/**
 * Milliseconds to wait before the given retry, from 0: exponential with full jitter, so that many clients do not come
 * back at once.
 */
export function backoff(retry: number, random: () => number = Math.random): number {
  return random() * Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(retry, 30))
}
