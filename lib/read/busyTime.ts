import { pauses } from '../cluster/pauses.ts'

/** Measures how long Cassandra works on at least one request. Pauses of this process do not count while somebody watches them. */
export class BusyTime {
  #running = 0
  #began = 0
  #past_ms = 0

  async during<Answer>(asked: Promise<Answer>): Promise<Answer> {
    if (this.#running++ === 0) this.#began = pauses.now()
    try {
      return await asked
    } finally {
      if (--this.#running === 0) this.#past_ms += pauses.now() - this.#began
    }
  }

  /** Milliseconds so far. */
  get total_ms(): number {
    return this.#past_ms + (this.#running === 0 ? 0 : pauses.now() - this.#began)
  }
}
