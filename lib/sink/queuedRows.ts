import type { QueuedRow } from './intake.ts'

interface Item {
  readonly row: unknown
  readonly queued: QueuedRow
  next: Item | undefined
}

/** The rows in the stream's queue, in order, as they were when they were given. */
export class QueuedRows {
  #first: Item | undefined
  #last: Item | undefined

  push(row: unknown, queued: QueuedRow): void {
    const item: Item = { row, queued, next: undefined }
    if (this.#last === undefined) this.#first = item
    else this.#last.next = item
    this.#last = item
  }

  clear(): void {
    this.#first = undefined
    this.#last = undefined
  }

  /** The stream may refuse a row after it asked for its size. Such rows never come here and are skipped. */
  shift(row: unknown): QueuedRow {
    let item = this.#first
    while (item !== undefined && !Object.is(item.row, row)) item = item.next
    this.#first = item?.next
    if (this.#first === undefined) this.#last = undefined
    return (item as Item).queued
  }
}
