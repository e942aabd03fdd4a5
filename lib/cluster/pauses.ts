/** Milliseconds between two looks. */
const LOOK_MS = 250

/** A look that comes this many milliseconds after the last one shows that the process was paused. */
const PAUSE_MS = 1_000

/**
 * Time in which this process did not run, because it was stopped, its container was frozen, or its event loop was blocked. Answers
 * that came then are unread, so time limits must not count it.
 */
class Pauses {
  readonly #watchers = new Set<object>()
  #timer: NodeJS.Timeout | undefined
  #sum_ms = 0
  /** By `performance.now()`. */
  #lookedAt = 0

  /** Milliseconds of all pauses that were noticed. Only differences have a meaning. */
  get sum_ms(): number {
    // At the end of a pause, another timer may run before that of the looks.
    if (this.#timer !== undefined) this.#look()
    return this.#sum_ms
  }

  /** Like `performance.now()`, without the pauses. */
  now(): number {
    return performance.now() - this.sum_ms
  }

  /** Pauses are noticed from now on. */
  watch(watcher: object): void {
    this.#watchers.add(watcher)
    if (this.#timer !== undefined) return
    this.#lookedAt = performance.now()
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  forget(watcher: object): void {
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Pauses are noticed until the promise settles. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.watch(work)
    try {
      return await work()
    } finally {
      this.forget(work)
    }
  }

  #look(): void {
    const now = performance.now()
    const passed_ms = now - this.#lookedAt
    if (passed_ms >= PAUSE_MS) this.#sum_ms += passed_ms
    this.#lookedAt = now
  }
}

/** The pauses of this process. */
export const pauses = new Pauses()
