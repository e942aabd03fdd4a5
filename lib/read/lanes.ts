/** Batches per part that may wait for the consumer. */
const MOST_OF_PART = 2

interface Ready<Batch> {
  /** Number of its part, counted from 0. */
  readonly part: number
  readonly batch: Batch
}

/**
 * Reads parts in parallel lanes, and hands their batches to one consumer: as they come, or part by part. Lanes wait while the
 * consumer is behind.
 */
export class Lanes<Part, Batch> {
  readonly #parts: Iterator<Part>
  readonly #read: (part: Part) => AsyncGenerator<Batch, void, undefined>
  readonly #count: number
  readonly #inOrder: boolean
  readonly #ready: Ready<Batch>[] = []
  /** Parts that were read to their end. */
  readonly #over = new Set<number>()
  #started = 0
  /** The part whose batches come next, if they come in order. */
  #first = 0
  #running = 0
  #isStarted = false
  #isStopped = false
  #error: { readonly reason: unknown } | undefined
  #waiting: (() => void) | undefined
  #held: (() => void)[] = []

  /** @param count number of lanes. About as many batches may wait */
  constructor(
    parts: Iterable<Part>,
    read: (part: Part) => AsyncGenerator<Batch, void, undefined>,
    count: number,
    inOrder: boolean,
  ) {
    this.#parts = parts[Symbol.iterator]()
    this.#read = read
    this.#count = count
    this.#inOrder = inOrder
  }

  /** The next batch, or undefined after the last part. One call at a time. */
  async next(): Promise<Batch | undefined> {
    this.#start()
    let ready = this.#take()
    while (ready === undefined && this.#running > 0 && this.#error === undefined) {
      await new Promise<void>(resolve => {
        this.#waiting = resolve
      })
      ready = this.#take()
    }
    if (this.#error !== undefined) throw this.#error.reason
    return ready?.batch
  }

  /** Stops reading. The consumer still gets the batches that have arrived. */
  stop(): void {
    this.#isStopped = true
    this.#letGo()
  }

  #take(): Ready<Batch> | undefined {
    const ready = this.#inOrder ? this.#takeOfFirst() : this.#ready.shift()
    this.#letGo()
    return ready
  }

  #takeOfFirst(): Ready<Batch> | undefined {
    for (;;) {
      const at = this.#ready.findIndex(({ part }) => part === this.#first)
      if (at !== -1) return this.#ready.splice(at, 1)[0]
      if (!this.#over.delete(this.#first)) return undefined
      this.#first++
    }
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
    for (let next = this.#parts.next(); !next.done && !this.#isStopped; next = this.#parts.next()) {
      const part = this.#started++
      for await (const batch of this.#read(next.value)) {
        this.#ready.push({ part, batch })
        this.#wake()
        while (this.#mustWait(part) && !this.#isStopped) {
          await new Promise<void>(resolve => this.#held.push(resolve))
        }
        if (this.#isStopped) return
      }
      this.#over.add(part)
      this.#wake()
    }
  }

  #mustWait(part: number): boolean {
    // In order, the first part always continues, whatever waits after it.
    if (this.#inOrder && part === this.#first) return this.#countOf(part) >= MOST_OF_PART
    return this.#ready.length >= this.#count || (this.#inOrder && this.#countOf(part) >= MOST_OF_PART)
  }

  #countOf(part: number): number {
    return this.#ready.reduce((count, ready) => (ready.part === part ? count + 1 : count), 0)
  }

  #letGo(): void {
    for (const go of this.#held.splice(0)) go()
  }

  #wake(): void {
    this.#waiting?.()
    this.#waiting = undefined
  }
}
