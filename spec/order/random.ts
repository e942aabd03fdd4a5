import { randomFrom } from '../random.ts'

/** Random choices from a seed. */
export class Random {
  /** A number from 0 to below 1. */
  readonly next: () => number

  constructor(seed: number) {
    this.next = randomFrom(seed)
  }

  /** A whole number within both ends. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)] as Item
  }

  list<Item>(most: number, make: () => Item): Item[] {
    return Array.from({ length: this.integer(0, most) }, make)
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const left = [...items]
    return items.map(() => left.splice(this.integer(0, left.length - 1), 1)[0] as Item)
  }
}
