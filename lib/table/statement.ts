import { quoteIdentifier } from './cqlType.ts'
import type { Operation } from './operations.ts'
import type { TableSchema } from './schema.ts'
import { quotedTarget, type Target, takesMore, targetsOf } from './target.ts'
import { hasUdtInVector } from './udt.ts'

/**
 * Row counts for which a statement is prepared, largest first, including 1. Each count is a separate statement in the
 * server's cache. Asked each time, because other tables share that cache.
 */
export type PreparedCounts = () => readonly number[]

/** Counts of a table that shares the cache with few others. Beyond 50 rows a request gets slower again. */
export const allCounts: readonly number[] = [50, 25, 20, 15, 10, 7, 5, 4, 3, 2, 1]

/** Above this a request's frame grows faster than its use, so wide tables get fewer rows per request. */
const MAX_BINDS = 4_000

/**
 * How a statement sets the time to live: not at all, which leaves the table's own; by a bound value per row; or as a
 * constant 0 forever, which costs no bound value.
 */
export type TimeToLive = 'table' | 'bound' | 'forever'

const ttlTexts: Readonly<Record<TimeToLive, string>> = {
  table: '',
  bound: ' AND TTL ?',
  forever: ' AND TTL 0',
}

/** The prepared form of one operation on a table, for one row or for several at once. */
export class Statement {
  readonly operation: Operation
  /** The table's columns, or fields of them, in the order their values are bound. */
  readonly columns: readonly Target[]
  readonly ttl: TimeToLive
  /** Seconds to live of rows that name none. Undefined if the table decides. */
  readonly default_ttl: number | undefined
  /** Index of the write timestamp among the bound values. */
  readonly timestampIndex: number
  /** Index of the time to live among the bound values, if it is bound. */
  readonly ttlIndex: number | undefined
  /** Index of the first column value among the bound values. */
  readonly valuesIndex: number
  /** Values bound for one row, timestamp and time to live included. */
  readonly binds: number
  readonly counts: PreparedCounts
  readonly #rowText: string
  readonly #texts = new Map<number, string>()

  constructor(
    operation: Operation,
    schema: TableSchema,
    ttl: TimeToLive = 'table',
    counts: PreparedCounts = () => allCounts,
    default_ttl?: number,
  ) {
    this.operation = operation
    this.counts = counts
    this.default_ttl = default_ttl
    this.columns = targetsOf(operation, schema)
    this.timestampIndex = operation.using === 'first' ? 0 : this.columns.length
    this.ttl = operation.takesTtl ? ttl : 'table'
    this.ttlIndex = this.ttl === 'bound' ? this.timestampIndex + 1 : undefined
    const usings = this.ttlIndex === undefined ? 1 : 2
    this.valuesIndex = operation.using === 'first' ? usings : 0
    this.binds = this.columns.length + usings
    const table = `${quoteIdentifier(schema.keyspace)}.${quoteIdentifier(schema.name)}`
    const columns = this.columns.map(column => ({
      name: quotedTarget(column),
      marker: markerOf(column),
      isKey: column.kind === 'partition_key' || column.kind === 'clustering',
      isAdded: operation.adds && takesMore(column.type),
    }))
    this.#rowText = operation.cql(table, columns, `TIMESTAMP ?${ttlTexts[this.ttl]}`)
  }

  /** Largest prepared row count that `available` rows can fill. */
  rowsFor(available: number): number {
    const most = Math.max(1, Math.floor(MAX_BINDS / this.binds))
    return this.counts().find(count => count <= available && count <= most) ?? 1
  }

  text(rows: number): string {
    const known = this.#texts.get(rows)
    if (known !== undefined) return known
    const text =
      rows === 1
        ? this.#rowText
        : `BEGIN UNLOGGED BATCH ${Array(rows).fill(this.#rowText).join('; ')}; APPLY BATCH`
    this.#texts.set(rows, text)
    return text
  }
}

/**
 * Values are bound as encoded bytes, so the marker names their type. If the table is dropped and created with another type
 * while it is written, the server refuses the statement instead of storing bytes of the wrong type. Fields of user-defined
 * types are compared when a statement is prepared. When such a type gets a field, Cassandra 5 refuses markers with the type of a
 * vector of it. So columns with such vectors get a plain marker.
 */
function markerOf({ cql, type }: Target): string {
  return hasUdtInVector(type) ? '?' : `(${cql})?`
}
