/** How to connect to the brokers. */
export interface PlatformaticOptions {
  readonly brokers: readonly string[]
  readonly group_protocol: 'classic' | 'consumer'
  /** Options of the Consumer. */
  readonly kafka_options: Readonly<Record<string, unknown>>
}

/** The module, which is loaded when it is needed. */
export type Platformatic = typeof import('@platformatic/kafka')

/** Milliseconds that a broker gets for an answer, at least and at most. */
const LEAST_ANSWER_MS = 5_000
const MOST_ANSWER_MS = 30_000

/**
 * Milliseconds that a broker gets for an answer that does not wait for other members of the group. Several brokers can be asked
 * within `retry_timeout_ms`.
 */
export function answerLimit(retry_timeout_ms: number): number {
  return Math.min(MOST_ANSWER_MS, Math.max(LEAST_ANSWER_MS, retry_timeout_ms / 4))
}
