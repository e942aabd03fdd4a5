import type { Broker } from '@platformatic/kafka'
import type { Subscription } from '../options/kafkaClient.ts'

/** Milliseconds without an answer after which a broker is asked only if no other one can be reached. */
const SILENT_MS = 2_000

/** Milliseconds that a broker gets for an answer, at least and at most. */
const LEAST_ANSWER_MS = 5_000
const MOST_ANSWER_MS = 30_000

/** Requests without an answer, by `performance.now()`. */
interface Unanswered {
  readonly first: number
  readonly last: number
}

/**
 * Which brokers do not answer, for all consumers of a client. The connections of a broker that hangs stay open, and its system
 * even accepts new ones.
 */
export class SilentBrokers {
  /** Milliseconds that a broker gets for an answer that does not wait for messages or other members. */
  readonly limit_ms: number
  readonly #unanswered = new Map<string, Unanswered>()

  /** Several brokers can be asked within `retry_timeout_ms`. */
  constructor({ retry_timeout_ms }: Pick<Subscription, 'retry_timeout_ms'>) {
    this.limit_ms = Math.min(MOST_ANSWER_MS, Math.max(LEAST_ANSWER_MS, retry_timeout_ms / 4))
  }

  asked(broker: Broker, now = performance.now()): void {
    const { first = now } = this.#unanswered.get(keyOf(broker)) ?? {}
    this.#unanswered.set(keyOf(broker), { first, last: now })
  }

  /** A request was not answered in time. */
  overdue(broker: Broker, now = performance.now()): void {
    this.#unanswered.set(keyOf(broker), { first: Number.NEGATIVE_INFINITY, last: now })
  }

  answered(broker: Broker): void {
    this.#unanswered.delete(keyOf(broker))
  }

  /** The same brokers: those that answer, in their order, and then the silent ones. The one that was asked last is the last. */
  ordered(brokers: readonly Broker[], now = performance.now()): Broker[] {
    const askedAt = (broker: Broker) => {
      const { first, last } = this.#unanswered.get(keyOf(broker)) ?? { first: now, last: now }
      return now - first < SILENT_MS ? Number.NEGATIVE_INFINITY : last
    }
    return [...brokers].sort((a, b) => Math.sign(askedAt(a) - askedAt(b)) || 0)
  }
}

function keyOf({ host, port }: Broker): string {
  return `${host}:${port}`
}
