import type { GivenRow } from './intake.ts'

interface Given {
  readonly row: unknown
  readonly taken: GivenRow
  next: Given | undefined
}

/** Rows in the stream's queue, in its order, as they were when they were given. */
export class GivenRows {
  #first: Given | undefined
  #last: Given | undefined

  push(row: unknown, taken: GivenRow): void {
    const given: Given = { row, taken, next: undefined }
    if (this.#last === undefined) this.#first = given
    else this.#last.next = given
    this.#last = given
  }

  clear(): void {
    this.#first = undefined
    this.#last = undefined
  }

  /** The stream may refuse a row after it asked for its size: such rows never come here and are passed over. */
  shift(row: unknown): GivenRow {
    let given = this.#first
    while (given !== undefined && !Object.is(given.row, row)) given = given.next
    this.#first = given?.next
    if (this.#first === undefined) this.#last = undefined
    return (given as Given).taken
  }
}
