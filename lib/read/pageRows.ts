import type { Page } from './pageReader.ts'
import type { RawPage } from './rawPage.ts'
import type { PlainRow, RowPlan } from './rowPlan.ts'

/** How the rows of a page are read. */
export type PagePlan = Pick<RowPlan, 'decode' | 'plain'>

/**
 * The rows of one page, some at a time. They stay bytes until they are requested. Many objects at once would cost more than
 * everything else, because the garbage collector moves those that live for a while.
 */
export class PageRows {
  readonly #plan: PagePlan
  readonly #rows: readonly PlainRow[] | RawPage
  /** Start of the next row, in bytes or in rows. */
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

  /** @throws like {@link RowPlan.decode} */
  take(most: number): readonly PlainRow[] {
    const count = Math.min(most, this.#left)
    this.#left -= count
    const from = this.#at
    if (!('bytes' in this.#rows)) {
      this.#at += count
      return this.#rows.slice(from, this.#at)
    }
    const rows: PlainRow[] = []
    if (count === 0) return rows
    if (this.#left === 0) this.#takeLast(this.#rows, count, rows)
    else this.#at = this.#plan.decode(this.#rows.bytes, from, count, rows)
    return rows
  }

  /** Decodes the last rows of a page. No value keeps the bytes of its page. */
  #takeLast(page: RawPage, count: number, rows: PlainRow[]): void {
    const { bytes } = page
    const last = this.#plan.decode(bytes, this.#at, count - 1, rows)
    const end = this.#plan.decode(bytes, last, 1, rows)
    page.release?.(last, end)
  }
}
