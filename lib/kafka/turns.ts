import { Queue } from '../write/queue.ts'

/** Runs a limited number of tasks at the same time, in the order in which they are given. */
export class Turns {
  #free: number
  readonly #waiting = new Queue<() => void>()

  constructor(most: number) {
    this.#free = most
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#free--
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
