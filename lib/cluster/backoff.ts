const FIRST_MS = 50
const MOST_MS = 5_000

/**
 * Milliseconds to wait before the given retry, from 0: exponential with full jitter, so that many clients do not come
 * back at once.
 */
export function backoff(retry: number, random: () => number = Math.random): number {
  return random() * Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(retry, 30))
}

/**
 * Milliseconds to wait before one of a few repeats, from 0, that have to last for `limit_ms`: each wait is longer than
 * the one before by the same factor, and all of them together take about half of the limit.
 */
export function sparingBackoff(
  repeat: number,
  repeats: number,
  limit_ms: number,
  random: () => number = Math.random,
): number {
  const factor = Math.max(1, limit_ms / FIRST_MS) ** (1 / (repeats + 1))
  return ((1 + random()) / 2) * FIRST_MS * factor ** (repeat + 1)
}
