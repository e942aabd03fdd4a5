/** First in, first out, at constant cost per item. `Array.shift()` moves all items of a long array. */
export class Queue<Item> {
  #items: (Item | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): Item | undefined {
    return this.#items[this.#head]
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (this.length === 0) return undefined
    this.#items[this.#head++] = undefined
    if (2 * this.#head >= this.#items.length) this.#compact()
    return item
  }

  *[Symbol.iterator](): Generator<Item, void, undefined> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at] as Item
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }

  /** Drops the empty half, so that each item is moved at most once for each one that left. */
  #compact(): void {
    this.#items.splice(0, this.#head)
    this.#head = 0
  }
}
