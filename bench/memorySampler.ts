import type { MemorySample } from './job.ts'

/** Records the resident memory of this process at fixed intervals. */
export class MemorySampler {
  readonly #from = performance.now()
  readonly #samples: MemorySample[] = []
  readonly #timer: NodeJS.Timeout

  constructor(every_ms: number) {
    this.#sample()
    this.#timer = setInterval(() => this.#sample(), every_ms)
  }

  stop(): readonly MemorySample[] {
    clearInterval(this.#timer)
    this.#sample()
    return this.#samples
  }

  #sample(): void {
    const seconds = (performance.now() - this.#from) / 1000
    this.#samples.push({ seconds, mib: process.memoryUsage.rss() / 2 ** 20 })
  }
}
