/** The calls of `on_bad_row` for rows of one partition. */
export class HandlerCalls {
  /** Called when `isPending` changes. */
  onChange = () => {}
  #count = 0

  /** Whether a call has not returned. That may take long. */
  get isPending(): boolean {
    return this.#count > 0
  }

  async during(call: Promise<void>): Promise<void> {
    if (this.#count++ === 0) this.onChange()
    try {
      await call
    } finally {
      if (--this.#count === 0) this.onChange()
    }
  }
}
