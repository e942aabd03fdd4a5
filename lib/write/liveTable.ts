import { RowError, SchemaError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import { GivenRow } from '../row/givenRow.ts'
import { rebind } from '../row/rebind.ts'
import { RowEncoder, type RowRules } from '../row/row.ts'
import { mayBeNewInSchema } from '../row/rowRefusal.ts'
import { holdsIterator } from '../row/snapshot.ts'
import { type Operation, operations, rowOperations } from '../table/operations.ts'
import { AGREEMENT_MS, readTable, type TableSource } from '../table/readTable.ts'
import type { StoredTable } from '../table/schema.ts'
import { columnDropped, hasAllOf, isSameTable, schemaChange, tableGone } from '../table/schemaChange.ts'
import { Statement } from '../table/statement.ts'
import { targetsOf } from '../table/target.ts'
import { BadRow } from './badRow.ts'
import { DoubtfulRow } from './doubtfulRow.ts'
import { MissingNames } from './missingNames.ts'
import { SchemaLooks } from './schemaLooks.ts'
import { StatementShare } from './statementShare.ts'

/**
 * Milliseconds after which the table's time to live is read again, if rows use it. A server keeps its statements when only
 * that changes.
 */
const TTL_PACE_MS = 10_000

/** Milliseconds for the last look at the table, at most. */
const LAST_LOOK_MS = 2_000

/** What rows are encoded by, and how the schema is read again. */
export type TableSettings = RowRules & Pick<WriteSettings, 'request_timeout_ms' | 'on_bad_row' | 'in_epochs'>

/** A row as bytes, the reason why it cannot be stored, or a row that is not decided yet. Bad rows are kept for `on_bad_row`. */
export type EncodeResult = EncodedRow | DoubtfulRow | BadRow | Error

/** A table while it is written: follows harmless changes, and keeps the change that ends the stream. */
export class LiveTable {
  readonly #source: TableSource
  readonly #settings: TableSettings
  readonly #share: StatementShare
  readonly #looks: SchemaLooks
  readonly #timer: NodeJS.Timeout
  #schema: StoredTable
  /** When the schema was read, by `performance.now()`. */
  #readAt: number
  /** Encoders by the seconds to live of rows that name none, because a replay has those of its epoch. */
  #encoders = new Map<number | undefined, RowEncoder>()
  /** Encoder of rows with the usual seconds to live. */
  #usual: RowEncoder | undefined
  /** Statements in use, and the replacements of those with a dropped column. */
  #current = new WeakMap<Statement, Statement>()
  readonly #setsAside: boolean
  readonly #missing = new MissingNames()
  readonly #dropped = new Set<string>()
  #change: SchemaError | undefined
  #diagnosing: Promise<void> | undefined
  #suspicion: Promise<void> | undefined

  /** @param cluster the same object for all sinks on one cluster */
  constructor(
    source: TableSource,
    schema: StoredTable,
    readAt: number,
    settings: TableSettings,
    cluster: object,
  ) {
    this.#source = source
    this.#settings = settings
    this.#schema = schema
    this.#setsAside = settings.on_bad_row !== undefined
    this.#readAt = readAt
    const asked = operationsIn(settings)
    this.#share = new StatementShare(cluster, {
      client: source.client,
      keyspace: source.keyspace,
      table: source.table,
      ttl: settings.ttl_column ?? this.#ttl,
      operations: asked.map(({ name }) => name),
      // Plus the write time and the time to live.
      binds: Math.max(...asked.map(operation => targetsOf(operation, schema).length)) + 2,
    })
    this.#looks = new SchemaLooks(rows => this.#readFor(rows), source.signal)
    this.#timer = setInterval(() => {
      if (settings.ttl === undefined && this.#ttl !== undefined) this.suspect()
    }, TTL_PACE_MS)
    this.#timer.unref()
  }

  /** Gives up its share of the caches of prepared statements. */
  close(): void {
    this.#share.release()
    clearInterval(this.#timer)
  }

  /** When the schema was read, by `performance.now()`. */
  get readAt(): number {
    return this.#readAt
  }

  /** @param ttl seconds to live of rows that name none */
  encode(row: unknown, index: number, ttl?: number): EncodeResult {
    const given = row instanceof GivenRow ? row : this.#setsAside ? new GivenRow(row) : undefined
    const input = given === undefined ? row : given.copy
    try {
      this.#usual ??= this.#encoderOf(this.#ttl)
      const isUsual = ttl === undefined || ttl === this.#usual.ttl
      const encoded = (isUsual ? this.#usual : this.#encoderOf(ttl)).encode(input, index)
      if (this.#setsAside) encoded.given = given
      return encoded
    } catch (error) {
      const isDoubtful = error instanceof RowError && mayBeNewInSchema(error)
      // A generator in the row was read already and cannot be read again.
      const isSpent = isDoubtful && error.code !== 'ERR_CASSANDRA_COLUMN_UNKNOWN' && holdsIterator(input)
      return isDoubtful && !isSpent
        ? new DoubtfulRow(given ?? new GivenRow(row), index, error, ttl ?? this.#ttl)
        : this.#refused(error as Error, given)
    }
  }

  /** Reads the schema again if needed, and encodes the row once more. Many rows share one look. */
  async settle(row: DoubtfulRow): Promise<EncodedRow | BadRow | Error> {
    let result = this.#retake(row)
    const mayBeNew = result instanceof RowError && mayBeNewInSchema(result) && row.since >= this.#readAt
    if (mayBeNew && !(this.#setsAside && this.#missing.has((result as RowError).column))) {
      await this.#looks.ask(row)
      result = this.#change ?? this.#retake(row)
      if (result instanceof RowError) this.#missing.add(result.column)
    }
    const isGone = result instanceof RowError && this.#dropped.has(result.column ?? '')
    if (isGone) return columnDropped(this.#schema, (result as RowError).column ?? '')
    if (!('slab' in result)) return this.#refused(result, row.given)
    if (this.#setsAside) result.given = row.given
    return result
  }

  /**
   * The rows of one request, encoded for the table as it is now.
   * @throws SchemaError when the table was replaced, or a row has a value for a column that is gone.
   */
  bound(rows: readonly EncodedRow[]): readonly EncodedRow[] {
    if (this.#change !== undefined) throw this.#change
    const statement = (rows[0] as EncodedRow).statement
    const current = this.#currentOf(statement)
    if (current === statement) return rows
    return rows.map(row => {
      const bound = rebind(row, current)
      if ('slab' in bound) return bound
      throw columnDropped(this.#schema, bound.name)
    })
  }

  /**
   * Decides what a fault means that may come from a changed table. Reads the schema, because only that tells.
   * @param fault `schema` when the server says so itself
   */
  async diagnose(fault: 'schema' | 'row'): Promise<'retry' | 'row' | SchemaError> {
    this.#diagnosing ??= this.#read(this.#settings.request_timeout_ms).finally(() => {
      this.#diagnosing = undefined
    })
    const isRead = await this.#diagnosing.then(
      () => true,
      () => false,
    )
    if (this.#change !== undefined) return this.#change
    // Without the schema, nothing is known about the row.
    return fault === 'row' && isRead ? 'row' : 'retry'
  }

  /** A statement was prepared again, so the table may have been replaced. Looks soon, without waiting. */
  suspect(): void {
    this.#suspicion ??= this.#looks.ask().finally(() => {
      this.#suspicion = undefined
    })
  }

  /**
   * The change of the table since its schema was first read, or undefined if all rows still go to the same table.
   * @throws the driver's error if no node answers in time.
   */
  async change(timeout_ms: number): Promise<SchemaError | undefined> {
    if (this.#change === undefined) await this.#read(timeout_ms)
    return this.#change
  }

  /** Like {@link change}, when every row is acknowledged. A server that is down by now keeps nobody waiting. */
  lastChange(): Promise<SchemaError | undefined> {
    return this.change(Math.min(LAST_LOOK_MS, this.#settings.request_timeout_ms)).catch(() => undefined)
  }

  /**
   * A repeat sends the remaining time to live, even if the first attempt left it to the table. Rows of an epoch name even a 0:
   * their replay must not depend on the table's default at that time.
   */
  get #ttl(): number | undefined {
    const { ttl, in_epochs } = this.#settings
    return ttl ?? (this.#schema.default_time_to_live || (in_epochs ? 0 : undefined))
  }

  #refused(error: Error, given: GivenRow | undefined): BadRow | Error {
    return this.#setsAside && given !== undefined && error instanceof RowError
      ? new BadRow(error, given)
      : error
  }

  #encoderOf(ttl: number | undefined): RowEncoder {
    let encoder = this.#encoders.get(ttl)
    if (encoder === undefined) {
      encoder = new RowEncoder(this.#schema, { ...this.#settings, ttl, counts: () => this.#share.counts })
      this.#encoders.set(ttl, encoder)
    }
    return encoder
  }

  #retake(row: DoubtfulRow): EncodedRow | Error {
    return attempt(() => this.#encoderOf(row.ttl).encode(row.given.copy, row.index))
  }

  #currentOf(statement: Statement): Statement {
    let current = this.#current.get(statement)
    if (current === undefined) {
      const names = new Set(this.#schema.columns.map(({ name }) => name))
      current = statement.columns.every(({ name }) => names.has(name))
        ? statement
        : new Statement(statement.operation, this.#schema, statement.ttl, statement.counts)
      this.#current.set(statement, current)
    }
    return current
  }

  /** Reads until the names in these rows are known, or all nodes agree that some are not. */
  async #readFor(rows: readonly DoubtfulRow[]): Promise<void> {
    const begun = performance.now()
    let agreeBy = this.#setsAside ? undefined : Number.POSITIVE_INFINITY
    let most = 0
    await this.#read(this.#settings.request_timeout_ms, found => {
      // The rows behind a row that can be set aside wait too.
      agreeBy ??= performance.now() + AGREEMENT_MS
      const encoder = new RowEncoder(found, this.#settings)
      const known = rows.filter(({ given, index }) => {
        const encoded = attempt(() => encoder.encode(given.copy, index))
        return !(encoded instanceof RowError && mayBeNewInSchema(encoded))
      }).length
      most = Math.max(most, known)
      // Another node may know the names of more rows.
      return known === rows.length || (known === most && performance.now() >= agreeBy)
    })
    this.#missing.looked(begun)
  }

  /** @param isWanted whether a schema has the wanted names. A node that lags behind may lack what others have */
  async #read(timeout_ms: number, isWanted: (found: StoredTable) => boolean = () => true): Promise<void> {
    const readAt = performance.now()
    const isHarmless = (found: StoredTable) =>
      schemaChange(this.#schema, found) === undefined && hasAllOf(this.#schema, found) && isWanted(found)
    try {
      this.#adopt(await readTable({ ...this.#source, timeout_ms }, isHarmless, this.#schema), readAt)
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error
      this.#change ??= tableGone(this.#schema, error)
    }
  }

  #adopt(schema: StoredTable, readAt: number): void {
    // Two looks may have run at once.
    if (readAt < this.#readAt) return
    this.#change ??= schemaChange(this.#schema, schema)
    if (this.#change !== undefined) return
    const before = this.#schema
    this.#readAt = readAt
    this.#schema = schema
    const isSameTtl = before.default_time_to_live === schema.default_time_to_live
    if (isSameTtl && isSameTable(before, schema)) return
    const names = new Set(schema.columns.map(({ name }) => name))
    for (const { name } of before.columns) if (!names.has(name)) this.#dropped.add(name)
    for (const name of names) this.#dropped.delete(name)
    this.#missing.clear()
    this.#encoders = new Map()
    this.#usual = undefined
    this.#current = new WeakMap()
  }
}

/** The operations that rows may ask for. */
function operationsIn({ operation_column, delete_flag }: TableSettings): readonly Operation[] {
  if (operation_column !== undefined) return rowOperations
  return delete_flag === undefined ? [operations.insert] : [operations.insert, operations.delete]
}

function attempt(encode: () => EncodedRow): EncodedRow | Error {
  try {
    return encode()
  } catch (error) {
    return error as Error
  }
}
