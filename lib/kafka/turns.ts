import { Queue } from '../write/queue.ts'

/** Lets so many pieces of work go on at once, in the order in which they came. */
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
