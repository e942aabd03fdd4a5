import type { Connection } from '../cluster/connect.ts'
import type { Json } from '../json.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { readTable } from '../table/readTable.ts'
import type { TableSchema } from '../table/schema.ts'
import { Following } from './following.ts'
import { Lanes } from './lanes.ts'
import { hasAll, type OpenTable, openTable, type Server, tokensOf } from './openTable.ts'
import type { Page } from './pageReader.ts'
import type { PagePlan } from './pageRows.ts'
import { type Behind, type PositionOwner, readPosition, type Span } from './place.ts'
import { RangeReader } from './rangeReader.ts'
import { RingWalk } from './ringWalk.ts'
import { rowOrderOf } from './rowOrder.ts'
import { type PlainRow, RowPlan } from './rowPlan.ts'
import { type SpanFilter, scanOf, tailOf } from './spanFilter.ts'
import { type Layout, ReadStatement } from './statement.ts'
import { type Pages, type PlanOf, TablePass } from './tablePass.ts'
import { TimedPlan } from './timedPlan.ts'
import { rangesAbove, rangesBetween, rangesOfShard, type TokenRange } from './tokenRanges.ts'

/** The part of `request_timeout_ms` after which a page is slow. Wider parts could take too long: a part may grow fourfold. */
const SLOW = 8

/** First version that reports when a collection was written. */
const VERSION_OF_MAXIMUM = 5

/** Identity of the table that is read, for the checkpoint of the source. */
export interface ReadTarget {
  readonly cluster: string
  readonly keyspace: string
  readonly table: string
  /** A different id means that the table was dropped and created again. */
  readonly table_id: string
}

/** Returns the position after which a reader continues. Null: from the first row. */
export type ResumeAt = (target: ReadTarget) => Promise<Json>

/** The rows of a table, some at a time. Pages are requested while there is room. */
export class TableReader {
  readonly #connection: Connection
  readonly #settings: ReadSettings
  readonly #server: Server
  readonly #signal: AbortSignal
  readonly #following: Following | undefined
  #schema: TableSchema
  #filter: SpanFilter | undefined
  #statement: ReadStatement
  #behind: Behind | undefined
  #pass: TablePass | undefined
  /** Reads the current walk. */
  #ranges: RangeReader | undefined
  #isStopped = false

  private constructor(
    { connection, schema, server, settings }: OpenTable,
    behind: Behind | undefined,
    signal: AbortSignal,
  ) {
    const { follow } = settings
    this.#connection = connection
    this.#settings = settings
    this.#server = server
    this.#signal = signal
    this.#behind = behind
    this.#following = follow && new Following(connection.client, follow, settings, signal)
    this.#schema = schema
    this.#filter = filterOf(settings, schema, server.version)
    this.#statement = new ReadStatement(schema, settings, this.#filter)
  }

  /**
   * Connects and reads the schema, but no row yet.
   * @throws ConnectionError, SchemaError, OptionError, ReadError, and errors of `resumeAt`
   */
  static open(given: ReadSettings, signal: AbortSignal, resumeAt: ResumeAt): Promise<TableReader> {
    return openTable(given, signal, async opened => {
      const { schema, server, settings } = opened
      const { keyspace, table } = settings
      const after = await resumeAt({ cluster: server.cluster, keyspace, table, table_id: schema.id })
      const behind = after === null ? undefined : readPosition(after, ownerOf(schema, settings))
      signal.throwIfAborted()
      return new TableReader(opened, behind, signal)
    })
  }

  /** The next rows, at least one. Undefined after the last row, which a following reader never reaches. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    for (;;) {
      this.#pass ??= this.#passOf(await this.#span())
      const rows = await this.#pass.next()
      if (rows === undefined) this.#ranges?.close()
      if (rows !== undefined || this.#following === undefined || this.#isStopped) return rows
      this.#pass = undefined
    }
  }

  /** @throws OptionError for a value that is not a position in this table */
  checkPosition(position: Json): void {
    readPosition(position, ownerOf(this.#schema, this.#settings))
  }

  /** Releases the connection. Never throws. */
  close(): Promise<void> {
    this.#isStopped = true
    this.#pass?.stop()
    this.#ranges?.close()
    return this.#connection.close()
  }

  async #span(): Promise<Span | undefined> {
    const begun = this.#behind?.span
    if (begun !== undefined) return this.#following?.goOn(begun)
    return this.#following?.next(this.#ranges?.busy_ms ?? 0, () => this.#look())
  }

  /** A walk has the columns that the table has at its start. */
  async #look(): Promise<void> {
    const { keyspace, table, columns, request_timeout_ms: timeout_ms } = this.#settings
    const { client } = this.#connection
    const source = { client, keyspace, table, timeout_ms, signal: this.#signal, use: 'read' } as const
    const schema = await readTable(source, hasAll(columns))
    if (schema.id !== this.#schema.id) throw this.#statement.changed
    this.#schema = schema
    this.#filter = filterOf(this.#settings, schema, this.#server.version)
    this.#statement = new ReadStatement(schema, this.#settings, this.#filter)
  }

  #passOf(span: Span | undefined): TablePass {
    const behind = this.#behind
    this.#behind = undefined
    const { places, isOfPartitions } = this.#statement
    const order = rowOrderOf(this.#schema, !isOfPartitions)
    const skipped = behind && { order, upTo: behind.key, part: behind.part }
    const pages = this.#pagesOf(span, behind)
    return new TablePass(
      this.#statement,
      this.#plansOf(span),
      pages,
      skipped,
      isOfPartitions && places > 0 ? order : undefined,
    )
  }

  #plansOf(span: Span | undefined): PlanOf {
    const { columns, extras, places, times, table } = this.#statement
    const count = extras.length
    if (times !== undefined) {
      const plan = new TimedPlan(table, columns, { names: times.names, extras: count, places })
      return () => plan
    }
    const { values } = this.#settings
    let last: { readonly layout: Layout; readonly plan: PagePlan } | undefined
    return layout => {
      if (last?.layout !== layout) {
        const more = { count, places, filter: this.#filter, span }
        last = { layout, plan: new RowPlan(columns, more, values, layout) }
      }
      return last.plan
    }
  }

  #pagesOf(span: Span | undefined, behind: Behind | undefined): Pages {
    const { splits, concurrency, shard } = this.#settings
    const { client } = this.#connection
    const ranges = new RangeReader(client, this.#settings, this.#statement, this.#signal)
    this.#ranges = ranges
    if (this.#statement.isOfPartitions)
      return new Lanes([undefined], () => ranges.pages(undefined, span), 1, true)
    // Static columns come with the first row of a partition. In token order, its pages follow one another.
    const inOrder = this.#statement.places > 0 || this.#statement.times?.hasStatics === true
    // Starts with the token of the position: its partition may have more rows, and so may another one with the same token.
    const whole = rangesBetween(tokensOf(this.#connection))
    const own = shard === undefined ? whole : rangesOfShard(shard, whole)
    const ring = rangesAbove(behind && behind.token - 1n, own)
    const walk = new RingWalk(ring, splits * (shard?.count ?? 1), inOrder)
    const slow_ms = this.#settings.request_timeout_ms / SLOW
    async function* pagesOf(range: TokenRange): AsyncGenerator<Page, void, undefined> {
      const width = range.end - range.start
      let rows = 0
      let most: bigint | undefined
      const halve = (half: bigint) => {
        if (most === undefined || half < most) most = half
      }
      for await (const page of ranges.pages(range, span, halve)) {
        if ((page.took_ms ?? 0) > slow_ms) most ??= width
        rows += page.rows.length
        yield page
      }
      walk.learn(range, rows, ranges.rows, most)
    }
    return new Lanes(walk.parts(), pagesOf, concurrency, inOrder)
  }
}

function ownerOf({ columns }: TableSchema, { follow, shard }: ReadSettings): PositionOwner {
  const keys = columns.filter(({ kind }) => kind === 'partition_key' || kind === 'clustering')
  return { columns: keys.length, follows: follow !== undefined, shard }
}

/** @throws OptionError if the table cannot be followed in this way */
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
