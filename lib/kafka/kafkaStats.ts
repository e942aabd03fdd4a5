import type { CassandraWritableStats } from '../write/stats.ts'
import { type Counters, type Tally, zeroCounters } from '../write/tally.ts'

/**
 * Live counters of a Kafka sink, over all partitions that this process has written. When a partition is revoked, its rows
 * without an acknowledgement count as failed. The partition's next owner writes them.
 */
export interface KafkaSinkStats extends CassandraWritableStats {
  /** Partitions that this process writes now. */
  readonly partitions: number
  /** Messages read from Kafka. A message that is read twice counts twice. */
  readonly messages: number
  /** Committed epochs. */
  readonly epochs: number
  /** How often another process took over the checkpoint of a partition while this process wrote it. */
  readonly fenced: number
}

/** Adds up the counters of all partitions that this process writes or has written. */
export class KafkaTally {
  messages = 0
  epochs = 0
  fenced = 0
  readonly #tallies = new Set<Tally>()
  /** Sums over the partitions that this process no longer writes. */
  readonly #past = zeroCounters()

  join(tally: Tally): void {
    this.#tallies.add(tally)
  }

  /** Keeps the counts of a partition that this process no longer writes. */
  leave(tally: Tally): void {
    if (!this.#tallies.delete(tally)) return
    for (const name of namesOf(this.#past)) this.#past[name] += tally.stats[name]
    this.#past.clock_skew_ms = tally.stats.clock_skew_ms
    this.#past.requests_in_flight = 0
  }

  /** Live: each counter is added up when it is read. */
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

  #sum(name: keyof Counters): number {
    if (name === 'clock_skew_ms') {
      for (const { stats } of this.#tallies) return stats.clock_skew_ms
      return this.#past.clock_skew_ms
    }
    let sum = this.#past[name]
    for (const { stats } of this.#tallies) sum += stats[name]
    return sum
  }
}

function namesOf(counters: Counters): (keyof Counters)[] {
  return Object.keys(counters) as (keyof Counters)[]
}
