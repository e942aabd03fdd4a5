import { quoteIdentifier } from './cqlType.ts'
import type { Column, TableSchema } from './schema.ts'
import { hasUdtInVector } from './udt.ts'

export type Operation = 'insert' | 'insert_static' | 'delete'

/**
 * Row counts for which a statement is prepared, largest first and 1 among them. Every count is a statement of its own in
 * the server's cache. Asked each time, because other tables share that cache.
 */
export type PreparedCounts = () => readonly number[]

/** Of a table that shares the cache with few others. Beyond 50 rows a request gets slower again, not faster. */
export const allCounts: readonly number[] = [50, 25, 20, 15, 10, 7, 5, 4, 3, 2, 1]

/** Above this a request's frame grows faster than its use; wide tables get fewer rows a request. */
const MAX_BINDS = 4_000

/** The prepared form of one operation on a table, for one row or for several at once. */
export class Statement {
  readonly operation: Operation
  /** The table's columns in the order their values are bound. */
  readonly columns: readonly Column[]
  /** Where the write timestamp stands among the bound values. */
  readonly timestampIndex: number
  /** Where the time to live stands among the bound values, if it does. */
  readonly ttlIndex: number | undefined
  /** Values bound for one row, timestamp and time to live included. */
  readonly binds: number
  readonly counts: PreparedCounts
  readonly #rowText: string
  readonly #texts = new Map<number, string>()

  constructor(
    operation: Operation,
    schema: TableSchema,
    hasTtl = false,
    counts: PreparedCounts = () => allCounts,
  ) {
    this.operation = operation
    this.counts = counts
    this.columns = schema.columns.filter(
      ({ kind, type }) => bound[operation].includes(kind) && type.kind !== 'unsupported',
    )
    this.timestampIndex = operation === 'delete' ? 0 : this.columns.length
    this.ttlIndex = hasTtl && operation !== 'delete' ? this.timestampIndex + 1 : undefined
    this.binds = this.columns.length + (this.ttlIndex === undefined ? 1 : 2)
    const text = rowText(operation, schema, this.columns)
    this.#rowText = this.ttlIndex === undefined ? text : `${text} AND TTL ?`
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

const bound = {
  insert: ['partition_key', 'clustering', 'static', 'regular'],
  insert_static: ['partition_key', 'static'],
  delete: ['partition_key', 'clustering'],
}

function rowText(operation: Operation, schema: TableSchema, columns: readonly Column[]): string {
  const table = `${quoteIdentifier(schema.keyspace)}.${quoteIdentifier(schema.name)}`
  const names = columns.map(({ name }) => quoteIdentifier(name))
  if (operation === 'delete') {
    const key = columns.map((column, i) => `${names[i]} = ${marker(column)}`)
    return `DELETE FROM ${table} USING TIMESTAMP ? WHERE ${key.join(' AND ')}`
  }
  return `INSERT INTO ${table} (${names.join(', ')}) VALUES (${columns.map(marker).join(', ')}) USING TIMESTAMP ?`
}

/**
 * Values are bound as encoded bytes, so the marker names their type: should the table be dropped and created with
 * another one while it is written, the server refuses the statement instead of storing bytes of the wrong type. Fields
 * of user-defined types are compared when a statement is prepared. When such a type gets a field, Cassandra 5 forgets
 * about columns with a vector of it and takes no marker that names their type.
 */
function marker({ cql, type }: Column): string {
  return hasUdtInVector(type) ? '?' : `(${cql})?`
}
