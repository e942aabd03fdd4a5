import type { Connection } from '../cluster/connect.ts'
import type { CountSettings } from '../options/countSettings.ts'
import { isNamed } from '../realm.ts'
import { BytesDiffer } from '../value/decoder.ts'
import { Lanes } from './lanes.ts'
import { LargestPartitions } from './largestPartitions.ts'
import { type OpenTable, openTable, tokensOf } from './openTable.ts'
import { PartitionRuns } from './partitionRuns.ts'
import { RangeReader } from './rangeReader.ts'
import { rawRowsOf } from './rawRows.ts'
import { type PlainRow, RowPlan } from './rowPlan.ts'
import { ReadStatement } from './statement.ts'
import type { CassandraCount, PartitionCount } from './tableCount.ts'
import { rangesBetween, rangesOfShard, splitRanges, type TokenRange } from './tokenRanges.ts'

/** The counts of one range. */
interface Counted {
  readonly range: TokenRange | undefined
  readonly rows: number
  readonly partitions: number
}

/**
 * Counts rows by reading only their partition keys. That is as fast as the server's `count(*)`, but no request takes longer than
 * a page. With GROUP BY, a server counts a whole partition in one request, which takes too long for a large partition. Also,
 * Cassandra 5.0 then refuses its own paging state for tables without clustering columns.
 */
export class TableCounter {
  readonly #connection: Connection
  readonly #statement: ReadStatement
  readonly #reader: RangeReader
  readonly #lanes: Lanes<TokenRange | undefined, Counted>
  readonly #largest: LargestPartitions

  private constructor(
    connection: Connection,
    statement: ReadStatement,
    settings: CountSettings,
    signal: AbortSignal,
  ) {
    const { splits, concurrency, largest, shard } = settings
    const whole = rangesBetween(tokensOf(connection))
    const ring = shard === undefined ? whole : rangesOfShard(shard, whole)
    const ranges: (TokenRange | undefined)[] = statement.isOfPartitions
      ? [undefined]
      : splitRanges(ring, splits * (shard?.count ?? 1))
    this.#connection = connection
    this.#statement = statement
    this.#reader = new RangeReader(connection.client, settings, statement, signal)
    this.#lanes = new Lanes(ranges, range => this.#count(range), concurrency, false)
    this.#largest = new LargestPartitions(largest)
  }

  /**
   * Connects and reads the schema, but no row yet.
   * @throws ConnectionError, SchemaError, OptionError
   */
  static open(given: CountSettings, signal: AbortSignal): Promise<TableCounter> {
    const use = ({ connection, schema, settings }: OpenTable) => {
      const keys = schema.columns.filter(({ kind }) => kind === 'partition_key').map(({ name }) => name)
      const ofKeys = { ...settings, largest: given.largest, columns: keys }
      return new TableCounter(connection, new ReadStatement(schema, ofKeys), ofKeys, signal)
    }
    // Keys never change.
    return openTable(given, signal, use, () => true)
  }

  /** @throws ReadError, SchemaError, OptionError */
  async count(): Promise<CassandraCount> {
    const all: Counted[] = []
    for (let next = await this.#lanes.next(); next !== undefined; next = await this.#lanes.next()) {
      all.push(next)
    }
    const sum = (of: (counted: Counted) => number) => all.reduce((total, each) => total + of(each), 0)
    return {
      rows: sum(({ rows }) => rows),
      partitions: sum(({ partitions }) => partitions),
      ranges: all
        .flatMap(({ range, ...counts }) => (range === undefined ? [] : [{ ...range, ...counts }]))
        .sort((a, b) => (a.start < b.start ? -1 : 1)),
      largest_partitions: this.#named(),
    }
  }

  /** Releases the connection. Never throws. */
  close(): Promise<void> {
    this.#lanes.stop()
    this.#reader.close()
    return this.#connection.close()
  }

  async *#count(range: TokenRange | undefined): AsyncGenerator<Counted, void, undefined> {
    const { columns } = this.#statement
    const runs = new PartitionRuns(columns.length, (key, rows) => this.#largest.add(key, rows))
    for await (const page of this.#reader.pages(range)) {
      this.#statement.layoutOf(page)
      const rows = 'bytes' in page.rows ? page.rows : rawRowsOf(page.rows, columns)
      this.#known(() => runs.add(rows))
    }
    runs.end()
    yield { range, rows: runs.rows, partitions: runs.partitions }
  }

  #named(): PartitionCount[] {
    const plan = new RowPlan(this.#statement.columns)
    return this.#largest.all.map(({ key: bytes, rows }) => {
      const found: PlainRow[] = []
      this.#known(() => plan.decode(bytes, 0, 1, found))
      return { key: found[0] as PlainRow, rows }
    })
  }

  /** Bytes that do not match the schema come from another table of the same name. */
  #known(read: () => void): void {
    try {
      read()
    } catch (error) {
      if (error instanceof BytesDiffer || isNamed(error, 'RangeError')) throw this.#statement.changed
      throw error
    }
  }
}
