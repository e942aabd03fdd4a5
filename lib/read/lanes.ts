/** Reads parts in some lanes at one time, and gives what comes to one who asks. Lanes wait while too much is not asked for. */
export class Lanes<Batch> {
  readonly #parts: Iterator<unknown>
  readonly #read: (part: never) => AsyncGenerator<Batch, void, undefined>
  readonly #count: number
  readonly #ready: Batch[] = []
  #running = 0
  #isStarted = false
  #isStopped = false
  #error: { readonly reason: unknown } | undefined
  #waiting: (() => void) | undefined
  #held: (() => void)[] = []

  /** @param count lanes, and most batches that wait to be asked for */
  constructor(
    parts: Iterable<unknown>,
    read: (part: never) => AsyncGenerator<Batch, void, undefined>,
    count: number,
  ) {
    this.#parts = parts[Symbol.iterator]()
    this.#read = read
    this.#count = count
  }

  /** The next batch; undefined when all parts are read. One call at a time. */
  async next(): Promise<Batch | undefined> {
    this.#start()
    while (this.#ready.length === 0 && this.#running > 0 && this.#error === undefined) {
      await new Promise<void>(resolve => {
        this.#waiting = resolve
      })
    }
    if (this.#error !== undefined) throw this.#error.reason
    const batch = this.#ready.shift()
    for (const go of this.#held.splice(0)) go()
    return batch
  }

  /** Nothing more is read. Who asks gets what is there. */
  stop(): void {
    this.#isStopped = true
    for (const go of this.#held.splice(0)) go()
  }

  #start(): void {
    if (this.#isStarted) return
    this.#isStarted = true
    for (let i = 0; i < this.#count; i++) {
      this.#running++
      this.#run()
        .catch(reason => {
          this.#error ??= { reason }
          this.stop()
        })
        .finally(() => {
          this.#running--
          this.#wake()
        })
    }
  }

  async #run(): Promise<void> {
    for (let part = this.#parts.next(); !part.done && !this.#isStopped; part = this.#parts.next()) {
      for await (const batch of this.#read(part.value as never)) {
        this.#ready.push(batch)
        this.#wake()
        while (this.#ready.length >= this.#count && !this.#isStopped) {
          await new Promise<void>(resolve => this.#held.push(resolve))
        }
        if (this.#isStopped) return
      }
    }
  }

  #wake(): void {
    this.#waiting?.()
    this.#waiting = undefined
  }
}
