import { channels } from '../diagnostics.ts'

/** Minimum number of requests that the window allows, so that latency can still be measured. */
const FEWEST = 2

/** Start of the window: enough for a node nearby. */
const START = 32

/**
 * Milliseconds that an answer may spend in queues before the window stops growing, and before it shrinks. Waiting costs
 * little: a server that has the next request at hand need not be woken, and one read brings several answers. Limits of 50 and
 * 100 ms left a cluster that waits for its disks with 2 to 10 requests in flight and a third of its throughput.
 */
const WAIT_SHORT_MS = 1_000
const WAIT_LONG_MS = 2_000

/** Requests by which each late answer shrinks the window, which is a tenth of the window per round trip. */
const SHRINK = 0.1

/** Weight of one answer in the moving average of the latency. */
const SMOOTHING = 0.1

/** Milliseconds after which the shortest latency is measured again, because networks and servers change. */
const BASELINE_MS = 10_000

/**
 * The number of requests in flight, between 2 and `concurrency`. Requests beyond what the servers can work on wait in queues
 * and time out there. The window derives the waiting time from how much slower an answer is than the fastest one. It doubles
 * per round trip until requests wait long, and then grows by two. It is halved when a server reports overload or does not
 * answer in time.
 */
export class Window {
  readonly #least: number
  readonly #most: number
  readonly #now: () => number
  #size: number
  #isStarting = true
  #latency = 0
  #fastest = Number.POSITIVE_INFINITY
  #fastestBefore = Number.POSITIVE_INFINITY
  #baselineEnds = 0
  #halvedAt = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a steady clock */
  constructor(concurrency: number, now: () => number = () => performance.now()) {
    this.#least = Math.min(FEWEST, concurrency)
    this.#most = concurrency
    this.#now = now
    this.#size = Math.min(START, concurrency)
  }

  /** Requests that may be in flight. */
  get limit(): number {
    return Math.floor(this.#size)
  }

  /**
   * A request was answered after `latency` milliseconds. Answers arrive several at a time, so the number in flight does not
   * show whether the window is too small.
   *
   * @param isShort whether another request waits for its turn
   */
  answered(latency: number, isShort: boolean): void {
    this.#measure(latency)
    const before = this.limit
    this.#feel(isShort)
    if (this.limit !== before) this.#changed()
  }

  #feel(isShort: boolean): void {
    // While the window is not used up, its size does not affect the latency.
    if (!isShort) return
    const fastest = Math.min(this.#fastest, this.#fastestBefore)
    const wait = this.#latency - fastest
    if (wait < WAIT_SHORT_MS) {
      const step = this.#isStarting ? 1 : 2 / this.#size
      this.#size = Math.min(this.#most, this.#size + step)
      return
    }
    this.#isStarting = false
    if (wait > WAIT_LONG_MS) this.#size = Math.max(this.#least, this.#size - SHRINK)
  }

  /**
   * A server is overloaded, or did not answer in time. Many requests fail together, so a request that was sent before the
   * window was last halved is ignored.
   *
   * @param sent when the request was sent, by the same clock
   */
  overloaded(sent: number): void {
    if (sent <= this.#halvedAt) return
    this.#halvedAt = this.#now()
    this.#isStarting = false
    this.#size = Math.max(this.#least, this.#size / 2)
    this.#changed()
  }

  #changed(): void {
    if (channels.window.hasSubscribers) channels.window.publish({ limit: this.limit })
  }

  #measure(latency: number): void {
    this.#latency = this.#latency === 0 ? latency : this.#latency + SMOOTHING * (latency - this.#latency)
    const now = this.#now()
    if (now >= this.#baselineEnds) {
      this.#fastestBefore = this.#fastest
      this.#fastest = Number.POSITIVE_INFINITY
      this.#baselineEnds = now + BASELINE_MS
    }
    this.#fastest = Math.min(this.#fastest, latency)
  }
}
