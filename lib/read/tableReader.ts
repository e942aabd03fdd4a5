import type { Connection } from '../cluster/connect.ts'
import { openInTime } from '../cluster/opening.ts'
import { within } from '../cluster/within.ts'
import { channels, type OpenContext, traceEach } from '../diagnostics.ts'
import { ReadError, SchemaError } from '../errors.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { snapshotOf } from '../row/snapshot.ts'
import { fits } from '../table/preparations.ts'
import { readOptions } from '../table/readOptions.ts'
import { readTable } from '../table/readTable.ts'
import { BytesDiffer } from '../value/decoder.ts'
import { Lanes } from './lanes.ts'
import type { Page } from './pageReader.ts'
import { type PagePlan, PageRows } from './pageRows.ts'
import { RangeReader } from './rangeReader.ts'
import { type PlainRow, RowPlan } from './rowPlan.ts'
import { ReadStatement } from './statement.ts'
import { TimedPlan } from './timedPlan.ts'
import { rangesBetween, splitRanges, type TokenRange } from './tokenRanges.ts'

/** Rows that are made objects at once. */
const MOST_ROWS = 128

/** Name of the only partitioner whose tokens are known here. */
const MURMUR3 = 'Murmur3Partitioner'

/** The rows of a table, some at a time. Pages come down while there is room for them. */
export class TableReader {
  readonly #connection: Connection
  readonly #statement: ReadStatement
  readonly #plan: PagePlan
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
    const { columns, extras, times } = statement
    this.#plan =
      times === undefined
        ? new RowPlan(columns, extras.length)
        : new TimedPlan(statement.table, columns, { names: times.names, extras: extras.length, timesAt: 0 })
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
          const statement = new ReadStatement(schema, settings)
          await refuseOtherPartitioners(connection, timeout_ms)
          signal.throwIfAborted()
          return new TableReader(connection, statement, settings, signal)
        }),
    )
  }

  /** The next rows, one or more; undefined behind the last one. */
  async next(): Promise<readonly PlainRow[] | undefined> {
    while (this.#page === undefined || this.#page.isOver) {
      const page = await this.#lanes.next()
      if (page === undefined) return undefined
      this.#checkTypes(page)
      this.#page = new PageRows(this.#plan, page)
    }
    try {
      return this.#page.take(MOST_ROWS)
    } catch (error) {
      if (error instanceof BytesDiffer || error instanceof RangeError) throw this.#changed()
      throw error
    }
  }

  /** Gives the connection back. Never throws. */
  close(): Promise<void> {
    this.#lanes.stop()
    return this.#connection.close()
  }

  /** Bytes of another type would be read as something else, without a word. */
  #checkTypes({ columns }: Page): void {
    const isSame = this.#statement.columns.every(({ name, type }, i) => {
      const found = columns[i]
      return found?.name === name && (type.kind === 'unsupported' || fits(found.type, type))
    })
    if (!isSame) throw this.#changed()
  }

  #changed(): SchemaError {
    const text = `${this.#statement.table} changed while it was read: its columns have other types`
    return new SchemaError('ERR_CASSANDRA_SCHEMA_CHANGED', text)
  }
}

/** Tokens of all nodes, by the driver's metadata. */
function tokensOf({ client }: Connection): bigint[] {
  // A Set where the client makes sets of sets.
  const tokens = client.hosts.values().flatMap(({ tokens }) => [...(tokens ?? [])])
  return tokens.map(token => BigInt(String(token)))
}

async function refuseOtherPartitioners({ client }: Connection, timeout_ms: number): Promise<void> {
  const cql = 'SELECT partitioner FROM system.local'
  const { rows } = await within(timeout_ms, client.execute(cql, [], readOptions(timeout_ms)))
  const partitioner = String(rows[0]?.['partitioner'])
  if (partitioner.endsWith(MURMUR3)) return
  const text = `A cluster with ${partitioner} cannot be read in ranges, only one with ${MURMUR3}`
  throw new ReadError('ERR_CASSANDRA_READ', text)
}
