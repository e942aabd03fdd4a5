import { OptionError } from '../errors.ts'
import { quoteIdentifier } from '../table/cqlType.ts'
import type { Column, TableSchema } from '../table/schema.ts'
import { LENGTH_BYTES } from './cells.ts'
import type { Span } from './place.ts'

/** Conditions of a SELECT, with bytes for their markers. */
export interface Conditions {
  readonly cql: readonly string[]
  readonly bounds: readonly Buffer[]
}

/** How a walk through a table emits only the rows of one span of time. */
export interface SpanFilter {
  /** Its selectors, in CQL. */
  readonly selectors: readonly string[]
  /** The column that it restricts. */
  readonly column?: string
  /** Conditions by which Cassandra drops rows. */
  conditions(span: Span): Conditions
  /**
   * Whether the client keeps a row.
   * @param at offset of the values of the selectors, each preceded by its length
   */
  holds(bytes: Buffer, at: number, span: Span): boolean
}

/**
 * Rows by the newest write time of their columns. Cassandra has no condition for it, so all rows are read.
 * @param hasMaximum whether the server reports the newest write time of a collection, as Cassandra does from 5.0 on
 * @throws OptionError if no column has a write time, or the server cannot report it
 */
export function scanOf(columns: readonly Column[], hasMaximum: boolean): SpanFilter {
  const written = columns.filter(({ kind }) => kind === 'regular' || kind === 'static')
  if (written.length === 0) throw refused('by scan needs a column outside the key: keys have no write time')
  const parts = written.find(({ type }) => !hasMaximum && 'frozen' in type && !type.frozen)
  if (parts !== undefined)
    throw refused(
      `by scan needs Cassandra 5.0 for \`${parts.name}\`: older versions do not report when a collection was written. Leave it out of \`columns\``,
    )
  const name = hasMaximum ? 'MAXWRITETIME' : 'WRITETIME'
  return {
    selectors: written.map(column => `${name}(${quoteIdentifier(column.name)})`),
    conditions: () => ({ cql: [], bounds: [] }),
    holds(bytes, from, span) {
      let newest: bigint | undefined
      for (let i = 0, at = from; i < written.length; i++) {
        const length = bytes.readInt32BE(at)
        at += LENGTH_BYTES
        if (length <= 0) continue
        const time = bytes.readBigInt64BE(at)
        if (newest === undefined || time > newest) newest = time
        at += length
      }
      if (newest === undefined) return false
      return newest <= span.to && (span.from === undefined || newest > span.from)
    },
  }
}

/**
 * Rows by the time in their first clustering column.
 * @throws OptionError if that column holds no time
 */
export function tailOf({ columns }: TableSchema): SpanFilter {
  const column = columns.find(({ kind }) => kind === 'clustering')
  const type = column?.type.kind === 'scalar' ? column.type.name : undefined
  if (column === undefined || (type !== 'timestamp' && type !== 'timeuuid'))
    throw refused('by tail needs a table whose first clustering column is a timestamp or a timeuuid')
  const name = quoteIdentifier(column.name)
  const bound = type === 'timeuuid' ? 'maxTimeuuid(?)' : '?'
  return {
    selectors: [],
    column: column.name,
    conditions({ from, to }) {
      const upTo = { cql: [`${name} <= ${bound}`], bounds: [millisecondsOf(to)] }
      if (from === undefined) return upTo
      return { cql: [`${name} > ${bound}`, ...upTo.cql], bounds: [millisecondsOf(from), ...upTo.bounds] }
    },
    holds: () => true,
  }
}

function millisecondsOf(microseconds: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(microseconds / 1000n)
  return bytes
}

function refused(why: string): OptionError {
  return new OptionError('ERR_CASSANDRA_OPTION', 'follow', `\`follow\` ${why}`)
}
