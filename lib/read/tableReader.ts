import type { Client } from 'cassandra-driver'
import type { Connection } from '../cluster/connect.ts'
import { openInTime } from '../cluster/opening.ts'
import { within } from '../cluster/within.ts'
import { channels, type OpenContext, traceEach } from '../diagnostics.ts'
import { ReadError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { snapshotOf } from '../row/snapshot.ts'
import { readOptions } from '../table/readOptions.ts'
import { readTable } from '../table/readTable.ts'
import type { TableSchema } from '../table/schema.ts'
import { Following } from './following.ts'
import { Lanes } from './lanes.ts'
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
import { rangesBetween, splitRanges, type TokenRange } from './tokenRanges.ts'

/** Name of the only partitioner whose tokens are known here. */
const MURMUR3 = 'Murmur3Partitioner'

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
    const { follow, request_timeout_ms } = settings
    this.#connection = connection
    this.#settings = settings
    this.#filter = filter
    this.#behind = behind
    this.#statement = new ReadStatement(schema, settings, filter)
    this.#order = rowOrderOf(schema, !this.#statement.isOfPartitions)
    this.#ranges = new RangeReader(client, settings, this.#statement, signal)
    this.#following = follow && new Following(client, follow, request_timeout_ms, signal)
  }

  /**
   * Connects and reads the schema; no row is read yet.
   * @throws ConnectionError, SchemaError, OptionError, ReadError, and what `resumeAt` throws
   */
  static open(given: ReadSettings, signal: AbortSignal, resumeAt: ResumeAt): Promise<TableReader> {
    // What the caller does to a value afterwards has no effect.
    const settings = { ...given, params: Object.values(snapshotOf({ ...given.params }) as object) }
    const { keyspace, table, hosts, port, request_timeout_ms: timeout_ms } = settings
    return traceEach(
      channels.open,
      (): OpenContext => ({ keyspace, table, hosts, port }),
      () =>
        openInTime(settings, signal, async connection => {
          const { client } = connection
          const schema = await readTable({ client, keyspace, table, timeout_ms, signal })
          const server = await describeServer(client, timeout_ms)
          const filter = filterOf(settings, schema, server.version)
          const columns = schema.columns.filter(
            ({ kind }) => kind === 'partition_key' || kind === 'clustering',
          )
          signal.throwIfAborted()
          const after = await resumeAt({ cluster: server.cluster, keyspace, table, table_id: schema.id })
          const behind =
            after === null ? undefined : readPosition(after, columns.length, settings.follow !== undefined)
          signal.throwIfAborted()
          return new TableReader(connection, schema, settings, filter, behind, signal)
        }),
    )
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
    const ring = rangesBetween(tokensOf(this.#connection))
    if (this.#statement.places === 0)
      return new Lanes(splitRanges(ring, splits), range => ranges.pages(range, span), concurrency, false)
    // Rows of the same partition may come, and of another one with the same token.
    const walk = new RingWalk(ring, splits, behind && behind.token - 1n)
    async function* pagesOf(range: TokenRange): AsyncGenerator<Page, void, undefined> {
      let rows = 0
      for await (const page of ranges.pages(range, span)) {
        rows += page.rows.length
        yield page
      }
      walk.learn(range, rows, ranges.rows)
    }
    return new Lanes(walk.parts(), pagesOf, concurrency, true)
  }
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

/** Tokens of all nodes, by the driver's metadata. */
function tokensOf({ client }: Connection): bigint[] {
  // A Set where the client makes sets of sets.
  const tokens = client.hosts.values().flatMap(({ tokens }) => [...(tokens ?? [])])
  return tokens.map(token => BigInt(String(token)))
}

/** What matters of the server. @throws ReadError for a cluster whose ring is another one */
async function describeServer(
  client: Client,
  timeout_ms: number,
): Promise<{ readonly cluster: string; readonly version: number }> {
  const cql = 'SELECT partitioner, cluster_name, release_version FROM system.local'
  const { rows } = await within(timeout_ms, client.execute(cql, [], readOptions(timeout_ms)))
  const partitioner = String(rows[0]?.['partitioner'])
  const version = Number.parseInt(String(rows[0]?.['release_version']), 10)
  if (partitioner.endsWith(MURMUR3)) return { cluster: String(rows[0]?.['cluster_name']), version }
  const text = `A cluster with ${partitioner} cannot be read in ranges, only one with ${MURMUR3}`
  throw new ReadError('ERR_CASSANDRA_READ', text)
}
