import { noAnswer, within } from './within.ts'

/** Milliseconds by which a long limit may be exceeded: requests share one timer, since a timer each costs CPU. */
const LATE_MS = 100

/** Each limit below this has its own timer. */
const LONG_MS = 1_000

/** Is called once: with an error, or with undefined when there is none. */
export type Settled = (error: unknown) => void

/** What waits, in a list that it leaves at once from wherever it stands. */
class Waiting {
  readonly ends: number
  readonly limit_ms: number
  /** Undefined when it is called. */
  settled: Settled | undefined
  before: Waiting | undefined
  after: Waiting | undefined

  constructor(ends: number, limit_ms: number, settled: Settled) {
    this.ends = ends
    this.limit_ms = limit_ms
    this.settled = settled
  }
}

/** Limits of time for many requests at once. Nearly all of them are answered in time. */
export class TimeLimits {
  #last: Waiting | undefined
  #timer: NodeJS.Timeout | undefined

  /** As {@link within}, and makes no promise: one costs as much as all else that is done here. */
  keep(limit_ms: number, work: Promise<unknown>, settled: Settled): void {
    if (limit_ms < LONG_MS) {
      within(limit_ms, work).then(
        () => settled(undefined),
        error => settled(reasonOf(error)),
      )
      return
    }
    const waiting = new Waiting(performance.now() + limit_ms, limit_ms, settled)
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
    // Requests that nobody waits for any more do not keep the process alive.
    this.#timer ??= setInterval(() => this.#look(), LATE_MS).unref()
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
    const now = performance.now()
    for (let waiting = this.#last; waiting !== undefined; ) {
      const { before, ends, limit_ms } = waiting
      if (ends <= now) this.#settle(waiting, noAnswer(limit_ms))
      waiting = before
    }
    if (this.#last !== undefined) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Undefined would be taken for an acknowledgement. */
function reasonOf(error: unknown): unknown {
  return error ?? new Error('It failed without a reason')
}
