import { pauses } from './pauses.ts'
import { noAnswer, within } from './within.ts'

/** Milliseconds by which a long limit may be exceeded. Requests share one timer, because one timer each would cost CPU. */
const LATE_MS = 100

/** A limit below this has its own timer. */
const LONG_MS = 1_000

/** Called once, with an error or with undefined. */
export type Settled = (error: unknown) => void

/** A waiting request: a node of a linked list, so that it can leave the list at constant cost. */
class Waiting {
  /** By the clock of {@link pauses}. */
  readonly ends: number
  readonly limit_ms: number
  /** Undefined once it has been called. */
  settled: Settled | undefined
  before: Waiting | undefined
  after: Waiting | undefined

  constructor(ends: number, limit_ms: number, settled: Settled) {
    this.ends = ends
    this.limit_ms = limit_ms
    this.settled = settled
  }
}

/** Time limits for many requests at once. Nearly all of them are answered in time. Long limits do not count {@link pauses}. */
export class TimeLimits {
  #last: Waiting | undefined
  #timer: NodeJS.Timeout | undefined

  /** Like {@link within}, without a promise: one would cost as much as everything else here. */
  keep(limit_ms: number, work: Promise<unknown>, settled: Settled): void {
    if (limit_ms < LONG_MS) {
      within(limit_ms, work).then(
        () => settled(undefined),
        error => settled(reasonOf(error)),
      )
      return
    }
    const waiting = new Waiting(pauses.now() + limit_ms, limit_ms, settled)
    this.#add(waiting)
    work.then(
      () => this.#settle(waiting, undefined),
      error => this.#settle(waiting, reasonOf(error)),
    )
  }

  #add(waiting: Waiting): void {
    waiting.before = this.#last
    if (this.#last !== undefined) this.#last.after = waiting
    this.#last = waiting
    // A timer for requests that nobody waits for must not keep the process alive.
    this.#timer ??= setInterval(() => this.#look(), LATE_MS).unref()
    pauses.watch(this)
  }

  #settle(waiting: Waiting, error: unknown): void {
    const { before, after, settled } = waiting
    // An answer that came too late.
    if (settled === undefined) return
    waiting.settled = undefined
    if (after === undefined) this.#last = before
    else after.before = before
    if (before !== undefined) before.after = after
    settled(error)
  }

  #look(): void {
    const now = pauses.now()
    for (let waiting = this.#last; waiting !== undefined; ) {
      const { before, ends, limit_ms } = waiting
      if (ends <= now) this.#settle(waiting, noAnswer(limit_ms))
      waiting = before
    }
    if (this.#last !== undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
    pauses.forget(this)
  }
}

/** Replaces an undefined reason, which would count as an acknowledgement. */
function reasonOf(error: unknown): unknown {
  return error ?? new Error('It failed without a reason')
}
