import { ReadError } from '../errors.ts'
import { isNamed } from '../realm.ts'
import { BytesDiffer } from '../value/decoder.ts'
import type { Lanes } from './lanes.ts'
import type { Page } from './pageReader.ts'
import { type PagePlan, PageRows } from './pageRows.ts'
import { type KeptPart, keptPart, placeOf } from './place.ts'
import type { RowOrder } from './rowOrder.ts'
import type { PlainRow } from './rowPlan.ts'
import type { Layout, ReadStatement } from './statement.ts'

/** Maximum number of rows that become objects at the same time. */
const MOST_ROWS = 128

/** Rows at the start of a walk that were emitted before. */
export interface Skipped {
  readonly order: RowOrder
  /** Key of the last one, like `Place.key`. */
  readonly upTo: Buffer
  /** The last part of the last one that was emitted. Undefined if all were. */
  readonly part: KeptPart | undefined
}

/** How the rows of a page with these columns are read. */
export type PlanOf = (layout: Layout) => PagePlan

/** Where pages come from. */
export type Pages = Pick<Lanes<never, Page>, 'next' | 'stop'>

/** One walk through a table. */
export class TablePass {
  readonly #statement: ReadStatement
  readonly #planOf: PlanOf
  readonly #lanes: Pages
  readonly #checked: RowOrder | undefined
  #skipped: Skipped | undefined
  /** Key of the previous row. */
  #last: Buffer | undefined
  #page: PageRows | undefined

  /**
   * @param skipped rows that are not emitted again
   * @param checked the order that rows must have, if Cassandra does not guarantee it
   */
  constructor(
    statement: ReadStatement,
    planOf: PlanOf,
    lanes: Pages,
    skipped: Skipped | undefined,
    checked: RowOrder | undefined,
  ) {
    this.#checked = checked
    this.#statement = statement
    this.#planOf = planOf
    this.#lanes = lanes
    this.#skipped = skipped
  }

  /** The next rows, at least one. Undefined after the last row. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    for (;;) {
      while (this.#page === undefined || this.#page.isOver) {
        const page = await this.#lanes.next()
        if (page === undefined) return undefined
        this.#page = new PageRows(this.#planOf(this.#statement.layoutOf(page)), page)
      }
      const rows = this.#behindSkipped(this.#inOrder(this.#take(this.#page)))
      if (rows.length > 0) return rows
    }
  }

  stop(): void {
    this.#lanes.stop()
  }

  #take(page: PageRows): readonly PlainRow[] {
    try {
      return page.take(MOST_ROWS)
    } catch (error) {
      if (error instanceof BytesDiffer || isNamed(error, 'RangeError')) throw this.#statement.changed
      throw error
    }
  }

  #inOrder(rows: readonly PlainRow[]): readonly PlainRow[] {
    if (this.#checked === undefined) return rows
    for (const row of rows) {
      const key = placeOf(row)?.key
      if (key !== undefined && this.#last !== undefined && this.#checked(this.#last, key) > 0)
        throw new ReadError('ERR_CASSANDRA_READ', this.#outOfOrder())
      this.#last = key
    }
    return rows
  }

  #outOfOrder(): string {
    return `The partitions of ${this.#statement.table} that \`where\` names do not come in the order of their keys, so a position cannot tell which are read. Name one partition, or none`
  }

  #behindSkipped(rows: readonly PlainRow[]): readonly PlainRow[] {
    if (this.#skipped === undefined) return rows
    const { order, upTo, part } = this.#skipped
    const first = rows.findIndex((row, i) => {
      const place = placeOf(row)
      if (place === undefined) return true
      const difference = order(place.key, upTo)
      return difference > 0 || (difference === 0 && part !== undefined && isAhead(rows, i, part))
    })
    if (first === -1) return []
    this.#skipped = undefined
    return rows.slice(first)
  }
}

/**
 * Whether a row of the key of the last part comes after that part. All parts of a row come together. If they have changed since,
 * all of them come again.
 */
function isAhead(rows: readonly PlainRow[], at: number, { nth, digest }: KeptPart): boolean {
  const own = placeOf(rows[at] as PlainRow)?.part
  if (own === undefined) return true
  const last = { nth, parts: own.parts }
  return own.nth > nth || own.parts.length <= nth || keptPart(last).digest !== digest
}
