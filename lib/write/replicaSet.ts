import { everywhere } from '../cluster/ring.ts'
import { Queue } from './queue.ts'

/** Faults in a row, without an acknowledgement, after which a replica set gets only probes. */
const FAULTS = 3

/** Checks without an answer, after which a replica set counts as hanging if others answer. */
const SILENT_LOOKS = 4

/** Probes in flight: requests that find out whether a failing replica set answers again. */
export const PROBES = 2

/** A request that has left, which may hold a permit. */
interface Flight {
  overrun(): void
}

/**
 * The replica sets that hang while others answer. Together they may leave as many requests unanswered as the window has permits,
 * because every replica set seems to hang when the whole cluster is slow.
 *
 * @param most permits of the window. 0 if no replica set answers
 */
export function hanging<Line>(sets: readonly ReplicaSet<Line>[], most: number): ReplicaSet<Line>[] {
  let overdue = sets.reduce((sum, replicas) => sum + replicas.overdue, 0)
  return sets.filter(replicas => {
    if (!replicas.look() || replicas.isFailing || overdue + replicas.permits > most) return false
    overdue += replicas.permits
    return true
  })
}

/** The nodes that hold the same partitions: their requests, and whether they answer. */
export class ReplicaSet<Line> {
  readonly name: unknown
  /** Permits held, without those of overdue requests. */
  permits = 0
  /** Requests that were unanswered when it was found to hang, and still are. */
  overdue = 0
  /** Requests that were answered, and whose bad row `on_bad_row` is handling. */
  aside = 0
  /** Groups that have left and are not settled. */
  readonly flights = new Set<Flight>()
  /** Those whose rows may be what fails. Only other rows can show whether it works. */
  readonly suspects = new Set<Flight>()
  /** When the latest acknowledged request left, on the clock of `performance.now()`. */
  lastStored = Number.NEGATIVE_INFINITY
  /** Lines with a group that waits. */
  readonly lines = new Set<Line>()
  /** Called, first in, first out, when a request gets a permit again. */
  readonly returning = new Queue<() => void>()
  readonly #hasOthers: boolean
  readonly #sleeping = new Set<() => void>()
  #faults = 0
  /** Number of acknowledgements and faults, now and at the last check. */
  #answers = 0
  #answersSeen = 0
  #silentLooks = 0

  constructor(name: unknown) {
    this.name = name
    this.#hasOthers = name !== everywhere && name !== undefined
  }

  /** Whether its recent requests failed, so that it gets probes only. */
  get isFailing(): boolean {
    return this.#faults >= FAULTS
  }

  /** Whether its waiting groups are kept apart, so that rows of other replica sets pass. */
  get isApart(): boolean {
    return this.#hasOthers && this.isFailing
  }

  get unanswered(): number {
    return this.permits + this.overdue
  }

  /** Requests that show whether it works. */
  get probing(): number {
    return this.flights.size - this.suspects.size
  }

  get isIdle(): boolean {
    return this.flights.size === 0 && this.lines.size === 0
  }

  overran(): void {
    this.overdue++
  }

  released(wasOverdue: boolean): void {
    if (wasOverdue) this.overdue--
    else this.permits--
  }

  /** @param sent when the acknowledged request left */
  succeeded(sent: number): void {
    const wasFailing = this.isFailing
    this.#answers++
    this.lastStored = Math.max(this.lastStored, sent)
    this.#faults = 0
    if (wasFailing) for (const wake of this.#sleeping) wake()
  }

  failed(): void {
    this.#answers++
    this.#faults++
  }

  landed(flight: Flight): void {
    this.flights.delete(flight)
    this.suspects.delete(flight)
  }

  /** Checks for answers. Returns true if requests were in flight for some checks and none was answered. */
  look(): boolean {
    const isAnswering = this.#answers !== this.#answersSeen
    this.#answersSeen = this.#answers
    this.#silentLooks = isAnswering || this.permits <= this.aside ? 0 : this.#silentLooks + 1
    return this.#silentLooks > SILENT_LOOKS
  }

  /** Marks it as hanging: it counts as failing until it answers. */
  hangs(): void {
    this.#faults = FAULTS
  }

  /**
   * Resolves after this many milliseconds, or when a failing replica set answers again.
   * @param isPatient whether to wait the whole time
   */
  sleep(wait_ms: number, isPatient: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#sleeping.delete(end)
        signal.removeEventListener('abort', end)
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      const timer = setTimeout(end, wait_ms)
      signal.addEventListener('abort', end)
      if (!isPatient) this.#sleeping.add(end)
      if (signal.aborted) end()
    })
  }
}
