import { noAnswer, within } from './within.ts'

/** Milliseconds by which a long limit may be exceeded: requests share one timer, since a timer each costs CPU. */
const LATE_MS = 100

/** Limits below this are kept by a timer of their own. */
const LONG_MS = 1_000

interface Waiting {
  readonly ends: number
  readonly limit_ms: number
  readonly reject: (error: Error) => void
}

/** Limits of time for many requests at once. Nearly all of them are answered in time. */
export class TimeLimits {
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  /**
   * As {@link within}.
   * @param onError called before it rejects
   */
  keep<T>(limit_ms: number, work: Promise<T>, onError: (error: unknown) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        onError(error)
        reject(error)
      }
      if (limit_ms < LONG_MS) {
        within(limit_ms, work).then(resolve, fail)
        return
      }
      const waiting = { ends: performance.now() + limit_ms, limit_ms, reject: fail }
      this.#waiting.add(waiting)
      this.#timer ??= this.#start()
      work.then(
        value => {
          this.#waiting.delete(waiting)
          resolve(value)
        },
        error => {
          this.#waiting.delete(waiting)
          fail(error)
        },
      )
    })
  }

  #start(): NodeJS.Timeout {
    // Requests that nobody waits for any more do not keep the process alive.
    return setInterval(() => this.#look(), LATE_MS).unref()
  }

  #look(): void {
    const now = performance.now()
    for (const waiting of this.#waiting) {
      if (waiting.ends > now) continue
      this.#waiting.delete(waiting)
      waiting.reject(noAnswer(waiting.limit_ms))
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
