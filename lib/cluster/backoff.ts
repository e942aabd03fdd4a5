const FIRST_MS = 50
const MOST_MS = 5_000

/**
 * Milliseconds to wait before a retry, counted from 0. Exponential with full jitter, so that many clients do not return at
 * once.
 */
export function backoff(retry: number, random: () => number = Math.random): number {
  return random() * Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(retry, 30))
}

/**
 * Milliseconds to wait before a repeat, counted from 0, if a few repeats must be spread over `limit_ms`. Each wait is longer than
 * the one before by the same factor. Together they take about half of the limit.
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
