/** Measures how long Cassandra works on at least one request. */
export class BusyTime {
  #running = 0
  #began = 0
  #past_ms = 0

  async during<Answer>(asked: Promise<Answer>): Promise<Answer> {
    if (this.#running++ === 0) this.#began = performance.now()
    try {
      return await asked
    } finally {
      if (--this.#running === 0) this.#past_ms += performance.now() - this.#began
    }
  }

  /** Milliseconds so far. */
  get total_ms(): number {
    return this.#past_ms + (this.#running === 0 ? 0 : performance.now() - this.#began)
  }
}
