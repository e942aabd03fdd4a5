import { Arrivals, OrderClock } from './clock.ts'

/** Milliseconds after which a cluster's clock is read again. */
const MEASURE_EVERY_MS = 10_000

/** Milliseconds of difference between the clocks above which a warning is emitted. */
const SMALL_SKEW_MS = 500

/** A coordinator's answer to the question for its time. */
export interface ClockReading {
  /** Whole milliseconds since 1970. */
  readonly coordinator_ms: number
  /** Microseconds of the steady clock before the question and after the answer. */
  readonly asked: number
  readonly answered: number
}

/** Identity of a cluster: two clusters share no node. */
export interface ClusterName {
  readonly name: string
  readonly hostIds: readonly string[]
}

/** The clock of one cluster, shared by all sinks of this process. */
export class ClusterClock extends OrderClock {
  readonly name: string
  readonly hostIds: Set<string>
  readonly #system: () => number
  readonly #steady: Arrivals
  #measuredAt = Number.NEGATIVE_INFINITY
  /** As {@link #ownCorrection} was at that time. */
  #measuredOwn = 0
  #isKnown = false
  #hasWarned = false
  #skew_ms = 0

  /** @param system milliseconds since 1970 by this machine's clock */
  constructor({ name, hostIds }: ClusterName, arrivals: Arrivals, system: () => number = Date.now) {
    super(arrivals)
    this.name = name
    this.hostIds = new Set(hostIds)
    this.#system = system
    this.#steady = arrivals
  }

  /** Milliseconds by which the cluster's clock is ahead of this machine's. 0 within the precision of a reading. */
  get skew_ms(): number {
    return this.#skew_ms
  }

  /** Whether it is time for another reading. */
  get isDue(): boolean {
    // The steady clock stands still while the machine is suspended.
    const drift = Math.abs(this.#ownCorrection() - this.#measuredOwn)
    return drift > SMALL_SKEW_MS * 1000 || this.#steady.now() - this.#measuredAt >= MEASURE_EVERY_MS * 1000
  }

  /** Microseconds of the steady clock, for a {@link ClockReading}. */
  steady(): number {
    return this.#steady.now()
  }

  /**
   * Corrects the clock by a reading. A reading is exact only to a millisecond, and to the time between question and answer. A
   * correction within these limits stays as it is.
   *
   * @param most_ms largest skew that is believed; a reading beyond it changes nothing but {@link skew_ms}
   * @returns the skew in milliseconds
   */
  measure({ coordinator_ms, asked, answered }: ClockReading, most_ms: number): number {
    const least = coordinator_ms * 1000 - answered
    const most = (coordinator_ms + 1) * 1000 - asked
    const own = this.#ownCorrection()
    const skew = clamp(own, least, most) - own
    this.#measuredAt = this.#steady.now()
    this.#measuredOwn = own
    this.#skew_ms = Math.round(skew / 1000)
    if (Math.abs(this.#skew_ms) > SMALL_SKEW_MS) this.#warn()
    if (Math.abs(this.#skew_ms) > most_ms) return this.#skew_ms
    this.correct(Math.round(clamp(this.#isKnown ? this.correction : own, least, most)))
    this.#isKnown = true
    return this.#skew_ms
  }

  /** Microseconds from the steady clock to this machine's. 0 unless the machine's clock was set since the process began. */
  #ownCorrection(): number {
    const behind = this.#system() * 1000 - this.#steady.now()
    // The system clock is read in whole milliseconds, and both may be read a moment apart.
    return behind > -2000 && behind < 2000 ? 0 : behind
  }

  #warn(): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    const side = this.#skew_ms > 0 ? 'ahead of' : 'behind'
    process.emitWarning(
      `The clock of Cassandra cluster "${this.name}" is ${Math.abs(this.#skew_ms)} ms ${side} this machine's. ` +
        "Write times follow the cluster's clock. Synchronize both with NTP.",
      { type: 'CassandraStreamsWarning', code: 'CASSANDRA_STREAMS_CLOCK_SKEW' },
    )
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

/** The clocks of this process. */
interface Clocks {
  readonly arrivals: Arrivals
  readonly clusters: ClusterClock[]
}

/** Read once: the clock and its start are getters, and every row uses them. */
const steady = performance
const START_MS = steady.timeOrigin

const shared = Symbol.for('cassandra-streams.clocks.1')

/** One set per process, shared by all copies of this package, so that two sinks on a table keep their order. */
function processClocks(): Clocks {
  const registry = globalThis as { [shared]?: Clocks }
  registry[shared] ??= {
    arrivals: new Arrivals(() => (START_MS + steady.now()) * 1000),
    clusters: [],
  }
  return registry[shared]
}

/** The order in which rows reach this process. */
export function processArrivals(): Arrivals {
  return processClocks().arrivals
}

/** The clock of a cluster, which all sinks on it share. */
export function clockOf(cluster: ClusterName): ClusterClock {
  const { arrivals, clusters } = processClocks()
  let clock = clusters.find(
    ({ name, hostIds }) => name === cluster.name && cluster.hostIds.some(id => hostIds.has(id)),
  )
  if (clock === undefined) {
    clock = new ClusterClock(cluster, arrivals)
    clusters.push(clock)
  }
  for (const id of cluster.hostIds) clock.hostIds.add(id)
  return clock
}
