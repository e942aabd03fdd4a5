import type { Connection } from '../cluster/connect.ts'
import type { Json } from '../json.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import type { TableSchema } from '../table/schema.ts'
import { Following } from './following.ts'
import { Lanes } from './lanes.ts'
import { openTable, tokensOf } from './openTable.ts'
import type { Page } from './pageReader.ts'
import type { PagePlan } from './pageRows.ts'
import { type Behind, readPosition, type Span } from './place.ts'
import { RangeReader } from './rangeReader.ts'
import { RingWalk } from './ringWalk.ts'
import { type RowOrder, rowOrderOf } from './rowOrder.ts'
import { type PlainRow, RowPlan } from './rowPlan.ts'
import { type SpanFilter, scanOf, tailOf } from './spanFilter.ts'
import { ReadStatement } from './statement.ts'
import { type Pages, TablePass } from './tablePass.ts'
import { TimedPlan } from './timedPlan.ts'
import { rangesAbove, rangesBetween, type TokenRange } from './tokenRanges.ts'

/** The first version that tells when a collection was written. */
const VERSION_OF_MAXIMUM = 5

/** What a reader is of, for whoever remembers how far it came. */
export interface ReadTarget {
  readonly cluster: string
  readonly keyspace: string
  readonly table: string
  /** Another one means that the table was dropped and created again. */
  readonly table_id: string
}

/** Tells behind which row a reader goes on; null for the first one. */
export type ResumeAt = (target: ReadTarget) => Promise<Json>

/** The rows of a table, some at a time. Pages come down while there is room for them. */
export class TableReader {
  readonly #connection: Connection
  readonly #settings: ReadSettings
  readonly #statement: ReadStatement
  readonly #filter: SpanFilter | undefined
  readonly #ranges: RangeReader
  readonly #keys: number
  readonly #order: RowOrder
  readonly #following: Following | undefined
  #behind: Behind | undefined
  #pass: TablePass | undefined
  #isStopped = false

  private constructor(
    connection: Connection,
    schema: TableSchema,
    settings: ReadSettings,
    filter: SpanFilter | undefined,
    behind: Behind | undefined,
    signal: AbortSignal,
  ) {
    const { client } = connection
    const { follow } = settings
    this.#connection = connection
    this.#settings = settings
    this.#filter = filter
    this.#behind = behind
    this.#keys = keysOf(schema)
    this.#statement = new ReadStatement(schema, settings, filter)
    this.#order = rowOrderOf(schema, !this.#statement.isOfPartitions)
    this.#ranges = new RangeReader(client, settings, this.#statement, signal)
    this.#following = follow && new Following(client, follow, settings, signal)
  }

  /**
   * Connects and reads the schema; no row is read yet.
   * @throws ConnectionError, SchemaError, OptionError, ReadError, and what `resumeAt` throws
   */
  static open(given: ReadSettings, signal: AbortSignal, resumeAt: ResumeAt): Promise<TableReader> {
    return openTable(given, signal, async ({ connection, schema, server, settings }) => {
      const { keyspace, table, follow } = settings
      const filter = filterOf(settings, schema, server.version)
      const after = await resumeAt({ cluster: server.cluster, keyspace, table, table_id: schema.id })
      const behind = after === null ? undefined : readPosition(after, keysOf(schema), follow !== undefined)
      signal.throwIfAborted()
      return new TableReader(connection, schema, settings, filter, behind, signal)
    })
  }

  /** The next rows, one or more; undefined behind the last one, which never comes while a reader follows. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    for (;;) {
      this.#pass ??= this.#passOf(await this.#span())
      const rows = await this.#pass.next()
      if (rows !== undefined || this.#following === undefined || this.#isStopped) return rows
      this.#pass = undefined
    }
  }

  /** @throws OptionError for what is no position of this table */
  checkPosition(position: Json): void {
    readPosition(position, this.#keys, this.#following !== undefined)
  }

  /** Gives the connection back. Never throws. */
  close(): Promise<void> {
    this.#isStopped = true
    this.#pass?.stop()
    return this.#connection.close()
  }

  async #span(): Promise<Span | undefined> {
    const begun = this.#behind?.span
    return begun === undefined ? this.#following?.next() : this.#following?.goOn(begun)
  }

  #passOf(span: Span | undefined): TablePass {
    const behind = this.#behind
    this.#behind = undefined
    const { places, isOfPartitions } = this.#statement
    const skipped = behind && { order: this.#order, upTo: behind.key, isAgain: behind.isAgain }
    const pages = this.#pagesOf(span, behind)
    return new TablePass(
      this.#statement,
      this.#planOf(span),
      pages,
      skipped,
      isOfPartitions && places > 0 ? this.#order : undefined,
    )
  }

  #planOf(span: Span | undefined): PagePlan {
    const { columns, extras, places, times, table } = this.#statement
    const count = extras.length
    return times === undefined
      ? new RowPlan(columns, { count, places, filter: this.#filter, span }, this.#settings.values)
      : new TimedPlan(table, columns, { names: times.names, extras: count, places })
  }

  #pagesOf(span: Span | undefined, behind: Behind | undefined): Pages {
    const { splits, concurrency } = this.#settings
    const ranges = this.#ranges
    if (this.#statement.isOfPartitions)
      return new Lanes([undefined], () => ranges.pages(undefined, span), 1, true)
    const inOrder = this.#statement.places > 0
    // Rows of the partition of the last one may come, and of another one with the same token.
    const ring = rangesAbove(behind && behind.token - 1n, rangesBetween(tokensOf(this.#connection)))
    const walk = new RingWalk(ring, splits, inOrder)
    async function* pagesOf(range: TokenRange): AsyncGenerator<Page, void, undefined> {
      let rows = 0
      for await (const page of ranges.pages(range, span)) {
        rows += page.rows.length
        yield page
      }
      walk.learn(range, rows, ranges.rows)
    }
    return new Lanes(walk.parts(), pagesOf, concurrency, inOrder)
  }
}

function keysOf({ columns }: TableSchema): number {
  return columns.filter(({ kind }) => kind === 'partition_key' || kind === 'clustering').length
}

/** @throws OptionError where the table cannot be followed so */
function filterOf(
  { follow, columns: names }: ReadSettings,
  schema: TableSchema,
  version: number,
): SpanFilter | undefined {
  if (follow === undefined) return undefined
  if (follow.by === 'tail') return tailOf(schema)
  const columns = schema.columns.filter(({ name }) => names === undefined || names.includes(name))
  return scanOf(columns, version >= VERSION_OF_MAXIMUM)
}
