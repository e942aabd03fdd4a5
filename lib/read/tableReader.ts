import type { Connection } from '../cluster/connect.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { BytesDiffer } from '../value/decoder.ts'
import { Lanes } from './lanes.ts'
import { openTable, tokensOf } from './openTable.ts'
import type { Page } from './pageReader.ts'
import { PageRows } from './pageRows.ts'
import { RangeReader } from './rangeReader.ts'
import { type PlainRow, RowPlan } from './rowPlan.ts'
import { ReadStatement } from './statement.ts'
import { rangesBetween, splitRanges, type TokenRange } from './tokenRanges.ts'

/** Rows that are made objects at once. */
const MOST_ROWS = 128

/** The rows of a table, some at a time. Pages come down while there is room for them. */
export class TableReader {
  readonly #connection: Connection
  readonly #statement: ReadStatement
  readonly #plan: RowPlan
  readonly #lanes: Lanes<Page>
  #page: PageRows | undefined

  private constructor(
    connection: Connection,
    statement: ReadStatement,
    settings: ReadSettings,
    signal: AbortSignal,
  ) {
    const { client } = connection
    const { splits, concurrency } = settings
    this.#connection = connection
    this.#statement = statement
    this.#plan = new RowPlan(statement.columns, statement.extras.length)
    const ranges = statement.isOfPartitions
      ? [undefined]
      : splitRanges(rangesBetween(tokensOf(connection)), splits)
    const reader = new RangeReader(client, settings, statement, signal)
    this.#lanes = new Lanes(ranges, (range: TokenRange | undefined) => reader.pages(range), concurrency)
  }

  /**
   * Connects and reads the schema; no row is read yet.
   * @throws ConnectionError, SchemaError, OptionError
   */
  static open(given: ReadSettings, signal: AbortSignal): Promise<TableReader> {
    return openTable(given, signal, ({ connection, schema, settings }) => {
      const statement = new ReadStatement(schema, settings)
      return new TableReader(connection, statement, settings, signal)
    })
  }

  /** The next rows, one or more; undefined behind the last one. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    while (this.#page === undefined || this.#page.isOver) {
      const page = await this.#lanes.next()
      if (page === undefined) return undefined
      this.#statement.check(page)
      this.#page = new PageRows(this.#plan, page)
    }
    try {
      return this.#page.take(MOST_ROWS)
    } catch (error) {
      if (error instanceof BytesDiffer || error instanceof RangeError) throw this.#statement.changed
      throw error
    }
  }

  /** Gives the connection back. Never throws. */
  close(): Promise<void> {
    this.#lanes.stop()
    return this.#connection.close()
  }
}
