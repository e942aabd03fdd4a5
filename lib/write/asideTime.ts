import { pauses } from '../cluster/pauses.ts'

/** How long requests have kept their permits for `on_bad_row`. Requests that wait for a permit then do not wait for Cassandra. */
export class AsideTime {
  #handlers = 0
  #since = 0
  #passed = 0

  /** Milliseconds in which at least one request waited for `on_bad_row`. */
  get ms(): number {
    return this.#passed + (this.#handlers === 0 ? 0 : pauses.now() - this.#since)
  }

  async during(handled: Promise<void>): Promise<void> {
    if (this.#handlers++ === 0) this.#since = pauses.now()
    try {
      await handled
    } finally {
      if (--this.#handlers === 0) this.#passed += pauses.now() - this.#since
    }
  }
}
