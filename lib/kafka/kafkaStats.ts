import type { CassandraWritableStats } from '../write/stats.ts'
import type { Tally } from '../write/tally.ts'

/**
 * Live counters of a Kafka sink, of all partitions that this process has had. Rows of a partition that was taken away before
 * they were acknowledged count as failed: its next owner writes them.
 */
export interface KafkaSinkStats extends CassandraWritableStats {
  /** Partitions that are written now. */
  readonly partitions: number
  /** Messages taken from Kafka, those that came again included. */
  readonly messages: number
  /** Epochs that were committed. */
  readonly epochs: number
  /** Times that another process took a partition over while this one wrote it. */
  readonly fenced: number
}

type Sums = { -readonly [Name in keyof CassandraWritableStats]: number }

/** Counts for all partitions together. */
export class KafkaTally {
  messages = 0
  epochs = 0
  fenced = 0
  readonly #tallies = new Set<Tally>()
  readonly #past: Sums = {
    rows_accepted: 0,
    rows_written: 0,
    rows_deleted: 0,
    rows_set_aside: 0,
    rows_failed: 0,
    rows_buffered: 0,
    rows_in_flight: 0,
    bytes_written: 0,
    requests: 0,
    requests_in_flight: 0,
    retries: 0,
    clock_skew_ms: 0,
  }

  join(tally: Tally): void {
    this.#tallies.add(tally)
  }

  /** Its partition is written no longer. */
  leave(tally: Tally): void {
    if (!this.#tallies.delete(tally)) return
    for (const name of namesOf(this.#past)) this.#past[name] += tally.stats[name]
    this.#past.clock_skew_ms = tally.stats.clock_skew_ms
    this.#past.requests_in_flight = 0
  }

  /** Adds up whenever it is asked. */
  get stats(): KafkaSinkStats {
    const stats = {}
    const define = (name: keyof KafkaSinkStats, get: () => number) =>
      Object.defineProperty(stats, name, { get, enumerable: true })
    for (const name of namesOf(this.#past)) define(name, () => this.#sum(name))
    define('partitions', () => this.#tallies.size)
    define('messages', () => this.messages)
    define('epochs', () => this.epochs)
    define('fenced', () => this.fenced)
    return stats as KafkaSinkStats
  }

  #sum(name: keyof Sums): number {
    if (name === 'clock_skew_ms') {
      for (const { stats } of this.#tallies) return stats.clock_skew_ms
      return this.#past.clock_skew_ms
    }
    let sum = this.#past[name]
    for (const { stats } of this.#tallies) sum += stats[name]
    return sum
  }
}

function namesOf(sums: Sums): (keyof Sums)[] {
  return Object.keys(sums) as (keyof Sums)[]
}
