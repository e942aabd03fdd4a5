/** A stream of values. A slow reader gets the latest value and misses those that it replaced. */
export class Latest<Value> {
  readonly stream: ReadableStream<Value>
  #controller: ReadableStreamDefaultController<Value> | undefined
  /** Whether a reader waits. */
  #isAwaited = false
  #waiting: { readonly value: Value } | undefined
  /** Errors the stream once the waiting value has been read. */
  #failure: { readonly error: unknown } | undefined

  constructor() {
    this.stream = new ReadableStream<Value>(
      {
        start: controller => {
          this.#controller = controller
        },
        pull: () => this.#give(),
        cancel: () => {
          this.#controller = undefined
        },
      },
      { highWaterMark: 0 },
    )
  }

  tell(value: Value): void {
    this.#waiting = { value }
    if (this.#isAwaited) this.#give()
  }

  /** A waiting value is still delivered. */
  end(error?: unknown): void {
    const controller = this.#controller
    if (controller === undefined || this.#failure !== undefined) return
    if (this.#waiting !== undefined && error !== undefined) {
      this.#failure = { error }
      return
    }
    this.#controller = undefined
    if (this.#waiting !== undefined) controller.enqueue(this.#waiting.value)
    if (error === undefined) controller.close()
    else controller.error(error)
  }

  #give(): void {
    const waiting = this.#waiting
    this.#isAwaited = waiting === undefined
    if (waiting === undefined) return
    // If another read waits, `enqueue` comes back here, and must not find this value again.
    this.#waiting = undefined
    this.#controller?.enqueue(waiting.value)
    if (this.#failure === undefined) return
    this.#controller?.error(this.#failure.error)
    this.#controller = undefined
  }
}
