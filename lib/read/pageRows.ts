import type { Page, RawPage } from './pageReader.ts'
import type { PlainRow, RowPlan } from './rowPlan.ts'

/** How the rows of a page are read. */
export type PagePlan = Pick<RowPlan, 'decode' | 'plain'>

/**
 * The rows of one page, some at a time. They are bytes until they are asked for: many objects at once would cost more than
 * all else, since those that live for a while are moved by the garbage collector.
 */
export class PageRows {
  readonly #plan: PagePlan
  readonly #rows: readonly PlainRow[] | RawPage
  /** Where the next row begins, in bytes or in rows. */
  #at: number
  #left: number

  constructor(plan: PagePlan, { rows }: Pick<Page, 'rows'>) {
    this.#plan = plan
    this.#left = rows.length
    this.#at = 'bytes' in rows ? rows.start : 0
    this.#rows = 'bytes' in rows ? rows : plan.plain(rows)
  }

  get isOver(): boolean {
    return this.#left === 0
  }

  /** @throws as {@link RowPlan.decode} */
  take(most: number): readonly PlainRow[] {
    const count = Math.min(most, this.#left)
    this.#left -= count
    const from = this.#at
    if (!('bytes' in this.#rows)) {
      this.#at += count
      return this.#rows.slice(from, this.#at)
    }
    const rows: PlainRow[] = []
    this.#at = this.#plan.decode(this.#rows.bytes, from, count, rows)
    return rows
  }
}
