import type { Fault } from '../cluster/fault.ts'
import type { AsideTime } from './asideTime.ts'
import type { Line, LineOwner } from './line.ts'
import type { Permit } from './permit.ts'
import type { ReplicaSet } from './replicaSet.ts'

/** What flights share: the permits, and the window that learns from answers. */
export interface Permits {
  readonly aside: AsideTime
  /** A permit is free. */
  released(replicas: ReplicaSet<Line>, kind: PermitKind): void
  /** Resolves when a flight that gave its permit back gets another. */
  acquire(flight: Flight): Promise<void>
  succeeded(replicas: ReplicaSet<Line>, latency: number, sent: number): void
  failed(replicas: ReplicaSet<Line>, fault: Fault, sent: number): void
}

/**
 * Purpose of a permit: a request within the window, or a probe of a failing replica set. An overdue request of a hanging replica
 * set takes no room in the window.
 */
export type PermitKind = 'request' | 'probe' | 'overdue'

/** One group that has left, until it is settled. */
export class Flight implements Permit {
  readonly lane: LineOwner
  readonly replicas: ReplicaSet<Line>
  readonly bytes: number
  /** Undefined while no permit is held. */
  permit: PermitKind | undefined
  readonly #permits: Permits
  /** Whether its answer has come, and `on_bad_row` handles a row of it. */
  #isAnswered = false

  constructor(permits: Permits, lane: LineOwner, replicas: ReplicaSet<Line>, bytes: number) {
    this.#permits = permits
    this.lane = lane
    this.replicas = replicas
    this.bytes = bytes
  }

  get lastStored(): number {
    return this.replicas.lastStored
  }

  succeeded(latency: number, sent: number): void {
    this.#permits.succeeded(this.replicas, latency, sent)
  }

  failed(fault: Fault, sent: number): void {
    this.#permits.failed(this.replicas, fault, sent)
  }

  suspect(): void {
    this.replicas.suspects.add(this)
  }

  async pause(wait_ms: number, isPatient: boolean, signal: AbortSignal): Promise<number> {
    this.release()
    await this.replicas.sleep(wait_ms, isPatient, signal)
    const { aside } = this.#permits
    const before = aside.ms
    await this.#permits.acquire(this)
    signal.throwIfAborted()
    // A probe does not wait for those permits.
    return this.permit === 'probe' ? 0 : aside.ms - before
  }

  async aside(handled: Promise<void>): Promise<void> {
    this.replicas.aside++
    this.lane.aside(1)
    this.#isAnswered = true
    try {
      await this.#permits.aside.during(handled)
    } finally {
      this.#isAnswered = false
      this.replicas.aside--
      this.lane.aside(-1)
    }
  }

  /** Gives the permit to others, although the request is still unanswered. */
  overrun(): void {
    if (this.permit === undefined || this.permit === 'overdue' || this.#isAnswered) return
    this.release()
    this.permit = 'overdue'
    this.replicas.overran()
  }

  /** Does nothing while no permit is held. */
  release(): void {
    const { permit } = this
    if (permit === undefined) return
    this.permit = undefined
    this.#permits.released(this.replicas, permit)
  }
}
