import type { Fate, ProxiedWrite } from '../proxy/cqlProxy.ts'

/** Share of the responses that are delayed or lost, half of each. */
const SHARE = 0.05

/** Longest delay of a response in milliseconds: more than a request may take. */
const LONGEST_MS = 3_000

/** Delays or loses one response in twenty. */
export class Weather {
  delayed = 0
  lost = 0
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  readonly decide = (_: ProxiedWrite): Fate | undefined => {
    const luck = this.#random()
    if (luck >= SHARE) return undefined
    if (luck < SHARE / 2) {
      this.lost++
      return { answer: 'nothing' }
    }
    this.delayed++
    return { delay_ms: Math.ceil(this.#random() * LONGEST_MS) }
  }
}
