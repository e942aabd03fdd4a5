import { wordsOf } from '../cluster/failure.ts'
import type { Fault } from '../cluster/fault.ts'
import { OptionError, ReadError, SchemaError } from '../errors.ts'
import { nearestNames } from '../options/nearest.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { type CqlType, quoteIdentifier } from '../table/cqlType.ts'
import { fits } from '../table/preparations.ts'
import type { Column, TableSchema } from '../table/schema.ts'
import { CellTimes } from './cellTimes.ts'
import type { BoundColumn, Page } from './pageReader.ts'
import type { Span } from './place.ts'
import type { SpanFilter } from './spanFilter.ts'
import type { TokenRange } from './tokenRanges.ts'
import { type Where, whereOf } from './where.ts'

/** Columns of an answer in its order. Undefined for one that was added after the table was opened, and is left out. */
export type Layout = readonly (Column | undefined)[]

/** A statement with its values. */
export interface BoundRead {
  readonly cql: string
  /** Bytes of the bounds of a span and a range. They follow the caller's parameters. */
  readonly bounds: readonly Buffer[]
}

/** What is selected from a table. */
export class ReadStatement {
  /** Columns that are read. Those of an answer to `*` may have another order. */
  readonly columns: readonly Column[]
  /** Selectors after the columns, in CQL. */
  readonly extras: readonly string[]
  /** Number of the first selectors that are a row's place: its token and its key. */
  readonly places: number
  /** Selectors for the times of cells, if they are read. */
  readonly times: CellTimes | undefined
  /** Columns of the table. */
  readonly allColumns: readonly Column[]
  /** Keyspace and name of the table. */
  readonly table: string
  readonly #settings: ReadSettings
  readonly #where: Where | undefined
  readonly #filter: SpanFilter | undefined
  /** Whether all columns are read, and nothing else. Servers do less work per row for `*` than for a list of columns. */
  readonly #isWhole: boolean
  #layout: Layout
  readonly #select: string
  readonly #token: string

  /**
   * @param filter of a following reader
   * @throws OptionError for a column that the table lacks, or a `where` that is more than conditions
   */
  constructor(schema: TableSchema, settings: ReadSettings, filter?: SpanFilter) {
    const { where } = settings
    this.table = `${schema.keyspace}.${schema.name}`
    this.#settings = settings
    this.allColumns = schema.columns
    const wanted = columnsOf(schema, settings.columns)
    this.times = settings.times && new CellTimes(schema, wanted, settings.times)
    this.columns = this.times?.columns ?? wanted
    this.#where = where === undefined ? undefined : whereOf(where, schema)
    this.#filter = filter
    if (settings.shard !== undefined && this.isOfPartitions) {
      const text =
        'Expected `shard` to be absent if `where` names partitions, because the ring is not read then'
      throw new OptionError('ERR_CASSANDRA_OPTION', 'shard', text)
    }
    if (filter?.column !== undefined && this.#where?.columns.has(filter.column) === true) {
      const text = `Expected \`where\` to leave out \`${filter.column}\`, by which \`follow\` asks for new rows`
      throw new OptionError('ERR_CASSANDRA_OPTION', 'where', text)
    }
    const keys = schema.columns.filter(({ kind }) => kind === 'partition_key' || kind === 'clustering')
    const keyNames = keys.map(({ name }) => quoteIdentifier(name))
    const partition = keyNames.filter((_, i) => keys[i]?.kind === 'partition_key')
    this.#token = `token(${partition.join(', ')})`
    const place = hasPlaces(settings) ? [this.#token, ...keyNames] : []
    this.places = place.length
    this.extras = [...place, ...(filter?.selectors ?? []), ...(this.times?.selectors ?? [])]
    this.#layout = this.columns
    this.#isWhole = settings.columns === undefined && this.times === undefined && this.extras.length === 0
    const names = this.#isWhole ? ['*'] : this.columns.map(({ name }) => quoteIdentifier(name))
    const from = `${quoteIdentifier(schema.keyspace)}.${quoteIdentifier(schema.name)}`
    this.#select = `SELECT ${[...names, ...this.extras].join(', ')} FROM ${from} WHERE `
  }

  /** Whether only named partitions are read, and not the ring. */
  get isOfPartitions(): boolean {
    return this.#where?.isOfPartitions === true
  }

  /**
   * The statement for a range, or for the partitions that `where` names.
   * @param span of a following reader
   */
  of(range: TokenRange | undefined, span: Span | undefined): BoundRead {
    const { where, allow_filtering } = this.#settings
    const ofSpan = span && this.#filter?.conditions(span)
    const ofRange = range === undefined ? [] : [`${this.#token} > ?`, `${this.#token} <= ?`]
    const conditions = [...(where === undefined ? [] : [where]), ...(ofSpan?.cql ?? []), ...ofRange]
    const filters = allow_filtering || (range !== undefined && ofSpan !== undefined && ofSpan.cql.length > 0)
    return {
      cql: `${this.#select}${conditions.join(' AND ')}${filters ? ' ALLOW FILTERING' : ''}`,
      bounds: [
        ...(ofSpan?.bounds ?? []),
        ...(range === undefined ? [] : [bytesOf(range.start), bytesOf(range.end)]),
      ],
    }
  }

  /**
   * The error for a fault that no retry can fix.
   * @param place of the rows, for the message, after the name of the table
   */
  explain(error: unknown, fault: Fault, place: string): Error {
    if (error instanceof OptionError || error instanceof SchemaError) return error
    const words = wordsOf(error)
    const options = { cause: error }
    const { consistency } = this.#settings
    if (isInvalid(error) && this.times?.isRefusedBy(words) === true) return this.times.refusal(words)
    if (fault === 'consistency') {
      const level = /with accord/i.test(words) ? 'QUORUM (or ONE, ALL)' : 'another level'
      const text = `${this.table} cannot be read at consistency ${consistency}: set the option \`consistency\` to ${level}. Cassandra reported: ${words}`
      return new ReadError('ERR_CASSANDRA_CONSISTENCY', text, options)
    }
    if (fault === 'unauthorized' || fault === 'credentials') {
      return new ReadError('ERR_CASSANDRA_UNAUTHORIZED', `${this.table} cannot be read: ${words}`, options)
    }
    // Before a changed schema, because a `where` with an unknown column reads the same.
    if (isInvalid(error) && this.#where !== undefined) {
      const needsFiltering = /allow filtering/i.test(words)
      const text = `Cassandra refuses \`where\`: ${words.replace(/ and thus may have .*$/s, '')}`
      const advice = needsFiltering ? '. It can be read with the option `allow_filtering`' : ''
      return new OptionError('ERR_CASSANDRA_OPTION', 'where', `${text}${advice}`)
    }
    if (fault === 'schema') {
      const { message } = this.changed
      return new SchemaError(
        'ERR_CASSANDRA_SCHEMA_CHANGED',
        `${message}. Cassandra reported: ${words}`,
        options,
      )
    }
    const advice = isReadFailure(error) ? adviceFor(words) : ''
    const text = `${this.table}${place} cannot be read: ${words}${advice}`
    return new ReadError('ERR_CASSANDRA_READ', text, options)
  }

  /**
   * The columns of a page, the same array as long as they stay the same. Bytes of another type would silently be read as another
   * value.
   * @throws SchemaError when the page lacks a column of the table that was opened, or has another type for it
   */
  layoutOf({ columns: found }: Page): Layout {
    const layout = this.#isWhole ? found.map(({ name }) => this.#columnOf(name)) : this.columns
    const isSame = (type: CqlType, i: number) =>
      type.kind === 'unsupported' || fits((found[i] as BoundColumn).type, type)
    const isKnown = layout.every(
      (column, i) => column === undefined || (found[i]?.name === column.name && isSame(column.type, i)),
    )
    const isComplete = layout.filter(column => column !== undefined).length === this.columns.length
    if (!isKnown || !isComplete) throw this.changed
    const { length } = this.#layout
    if (layout.length !== length || layout.some((column, i) => column !== this.#layout[i]))
      this.#layout = layout
    return this.#layout
  }

  #columnOf(name: string): Column | undefined {
    return this.columns.find(column => column.name === name)
  }

  get changed(): SchemaError {
    const text =
      `${this.table} was dropped, created again or altered while it was read, so the read has ended. If the table still ` +
      'exists, start the read again'
    return new SchemaError('ERR_CASSANDRA_SCHEMA_CHANGED', text)
  }
}

/** Whether rows come in ring order with their positions. */
export function hasPlaces({ after, checkpoint_location, follow }: ReadSettings): boolean {
  return after !== undefined || checkpoint_location !== undefined || follow !== undefined
}

function columnsOf(
  { columns, keyspace, name }: TableSchema,
  wanted: readonly string[] | undefined,
): readonly Column[] {
  if (wanted === undefined) return columns
  return wanted.map(column => {
    const found = columns.find(each => each.name === column)
    if (found !== undefined) return found
    const [near] = nearestNames(
      column,
      columns.map(each => each.name),
    )
    const meant = near === undefined ? '' : `. Did you mean \`${near}\`?`
    const text = `Expected \`columns\` to name columns of ${keyspace}.${name}, which has no \`${column}\`${meant}`
    throw new OptionError('ERR_CASSANDRA_OPTION', 'columns', text)
  })
}

/** What to do after a read failure. Older servers do not tell the reason. */
function adviceFor(words: string): string {
  // Another reason than tombstones, as the server's text has it.
  if (/\b(?!UNKNOWN\b|READ_TOO_MANY)[A-Z]+_[A-Z_]+ from \//.test(words)) return ''
  const most = 'more tombstones than `tombstone_failure_threshold` in cassandra.yaml allows'
  if (!/tombstone/i.test(words)) return `. The log of the node has the reason, which most often is ${most}`
  return `. A page has ${most}. Compaction removes those that are older than \`gc_grace_seconds\` of the table`
}

const READ_FAILURE = 0x1300
const SYNTAX_ERROR = 0x2000
const INVALID = 0x2200

function isReadFailure(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === READ_FAILURE
}

/** Whether Cassandra says that the statement is wrong. A node may not know a new table or column yet. */
function isInvalid(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === SYNTAX_ERROR || code === INVALID
}

function bytesOf(token: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(token)
  return bytes
}
