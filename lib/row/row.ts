import { type Operation, type OperationName, operations } from '../table/operations.ts'
import type { Column, TableSchema } from '../table/schema.ts'
import { type PreparedCounts, Statement, type TimeToLive } from '../table/statement.ts'
import { NULL_LENGTH, UNSET_LENGTH } from '../value/bind.ts'
import { Bytes, TooManyBytes } from '../value/bytes.ts'
import { type ColumnEncoder, columnEncoderFor, encodeColumn } from './columnEncoder.ts'
import type { EncodedRow } from './encodedRow.ts'
import { FieldCells } from './fieldCells.ts'
import { KEY_PART_BYTES, MAX_KEY_BYTES } from './partitionKey.ts'
import { ownNames, type Row, readProperty, rowOf, sameNames } from './readRow.ts'
import { RowOperation } from './rowOperation.ts'
import { columnUnknown, deleteFlagMissing, keyAbsent, keySize, rowSize } from './rowRefusal.ts'
import { ownTimestampOf, ttlOf, type UsingRules } from './using.ts'
import { CELL_WEIGHT, collectionWeight, ROW_WEIGHT, TTL_WEIGHT } from './weight.ts'

export interface RowRules extends UsingRules {
  readonly delete_flag: { readonly column: string; readonly value: string } | undefined
  readonly operation_column?: string | undefined
  readonly nulls: 'write' | 'unset'
  readonly max_row_bytes: number
  readonly counts?: PreparedCounts
  /** Whether a later process may have to write the row again, with the same write time if that is the row's own. */
  readonly in_epochs?: boolean | undefined
}

/** Own property names of a row, and which of the table's columns and of the control properties are among them. */
interface Shape {
  readonly names: readonly string[]
  readonly present: readonly boolean[]
  readonly controls: ReadonlySet<string>
}

/** How a row is written by one operation. */
interface Plan {
  readonly statement: Statement
  readonly encoders: readonly ColumnEncoder[]
  /** Present if the operation binds fields of columns. */
  readonly fields: FieldCells | undefined
  /** Number of columns whose values are read, from the first one. */
  readonly reads: number
}

const LENGTH_BYTES = 4
const TIMESTAMP_BYTES = 8
const TTL_BYTES = 4

/** Half of a commit log segment by Cassandra's default. The server takes no larger mutation. */
const MUTATION_BYTES = 16 * 1024 * 1024

/** Turns rows of one table into bytes, or refuses them. */
export class RowEncoder {
  /** Seconds to live of rows that name none. Undefined if the table decides. */
  readonly ttl: number | undefined
  readonly #rules: RowRules
  readonly #schema: TableSchema
  readonly #columns: readonly Column[]
  readonly #columnIndexes: ReadonlyMap<string, number>
  /** Encoders of columns whose types cannot be written. */
  readonly #unsupported: readonly ColumnEncoder[]
  readonly #partitionKeyCount: number
  readonly #keyCount: number
  readonly #regularsFrom: number
  readonly #plans: Readonly<Record<OperationName, Plan>>
  /** Shape of the previous row. Most streams have one shape, which is then checked once. */
  #shape: Shape = { names: [], present: [], controls: new Set() }
  /** Properties that control how a row is written and are no columns: delete flag, time to live, write time, operation. */
  readonly #controls: readonly string[]
  readonly #asked: RowOperation | undefined
  /** Absent while a row is encoded: reading a row may run the caller's code, which may write the next row. */
  #bytes: Bytes | undefined

  constructor(schema: TableSchema, rules: RowRules) {
    const count = (kind: Column['kind']) => schema.columns.filter(column => column.kind === kind).length
    this.ttl = rules.ttl
    this.#rules = rules
    this.#schema = schema
    this.#columns = schema.columns
    this.#columnIndexes = new Map(schema.columns.map(({ name }, i) => [name, i]))
    const { delete_flag, ttl_column, timestamp_column, operation_column } = rules
    this.#controls = [delete_flag?.column, ttl_column, timestamp_column, operation_column].filter(
      name => name !== undefined,
    )
    this.#asked = operation_column === undefined ? undefined : new RowOperation(operation_column, schema)
    this.#partitionKeyCount = count('partition_key')
    this.#keyCount = this.#partitionKeyCount + count('clustering')
    this.#regularsFrom = this.#keyCount + count('static')
    const isRepeatable = rules.in_epochs === true && timestamp_column !== undefined
    const encoders = schema.columns.map((column, i) => columnEncoderFor(column, i, isRepeatable))
    this.#unsupported = encoders.filter(({ column }) => column.type.kind === 'unsupported')
    const planOf = (operation: Operation): Plan => {
      const statement = new Statement(operation, schema, timeToLiveBy(rules), rules.counts, rules.ttl)
      const fields = new FieldCells(statement, schema)
      return {
        statement,
        encoders: statement.columns.map(
          target => fields.encoderOf(target) ?? (encoders[schema.columns.indexOf(target)] as ColumnEncoder),
        ),
        fields: fields.isEmpty ? undefined : fields,
        reads: schema.columns.filter(({ kind }) => operation.columns.includes(kind)).length,
      }
    }
    const plans = Object.values(operations).map(operation => [operation.name, planOf(operation)])
    this.#plans = Object.fromEntries(plans) as Record<OperationName, Plan>
  }

  /** @throws RowError when the row cannot be stored exactly. */
  encode(input: unknown, index: number): EncodedRow {
    const row = rowOf(input, index)
    const shape = this.#shapeOf(row, index)
    const operation = this.#operationOf(row, shape, index)
    const given = this.#read(row, shape, this.#plans[operation.name].reads, index)
    const { ttl_column, timestamp_column } = this.#rules
    const ttl = this.#control(row, shape, ttl_column, index)
    const timestamp = this.#control(row, shape, timestamp_column, index)
    const { name, ofStatics = name } = operation
    const plan = this.#plans[this.#isStaticOnly(given) ? ofStatics : name]
    plan.fields?.read(given, index)
    const out = this.#bytes ?? new Bytes(Math.max(MUTATION_BYTES, this.#rules.max_row_bytes))
    this.#bytes = undefined
    try {
      return this.#bind(plan, given, ttl, timestamp, index, out)
    } catch (error) {
      throw error instanceof TooManyBytes ? rowSize(error.needed, this.#rules.max_row_bytes, index) : error
    } finally {
      this.#bytes = out
    }
  }

  #bind(
    { statement, encoders }: Plan,
    given: readonly unknown[],
    ttl: unknown,
    timestamp: unknown,
    index: number,
    out: Bytes,
  ): EncodedRow {
    const keyFirst = statement.timestampIndex > 0
    let timestampFrom = 0
    out.begin()
    for (const encoder of this.#unsupported) {
      // The statement has no place for the column, so its encoder refuses every value.
      if (given[encoder.columnIndex] !== undefined)
        encodeColumn(encoder, given[encoder.columnIndex], index, out)
    }
    if (!keyFirst) {
      timestampFrom = this.#writeTimestamp(timestamp, index, out)
      if (statement.ttlIndex !== undefined) this.#writeTtl(ttl, index, out)
    }
    let keyStart = 0
    let keyEnd = 0
    let weight = statement.ttlIndex === undefined ? ROW_WEIGHT : ROW_WEIGHT + TTL_WEIGHT
    let appends = false
    let clustering = 0
    for (let i = 0; i < encoders.length; i++) {
      const encoder = encoders[i] as ColumnEncoder
      const value = given[encoder.columnIndex]
      if (value === undefined || value === null) {
        if (encoder.isKey) throw keyAbsent(encoder.column, value, index)
        const isWritten =
          value === null && this.#rules.nulls === 'write' && !(statement.operation.adds && encoder.takesMore)
        out.int32(isWritten ? NULL_LENGTH : UNSET_LENGTH)
        if (isWritten) weight += CELL_WEIGHT
        continue
      }
      const from = out.openSized()
      encodeColumn(encoder, value, index, out)
      const size = out.closeSized(from)
      if (encoder.isPartitionKey) {
        keyEnd = out.length
        if (encoder.columnIndex === 0) keyStart = keyEnd - size - LENGTH_BYTES
        this.#checkPartitionKey(encoder, size, keyEnd - keyStart, index)
      } else if (encoder.isKey) {
        clustering += size
        weight += size
        if (clustering > MAX_KEY_BYTES) throw keySize(encoder.column, size, this.#partitionKeyCount, index)
      } else if (encoder.isMultiCell) weight += collectionWeight(encoder.column.type, out.view(from))
      else weight += CELL_WEIGHT + size
      if (encoder.appends) appends = true
    }
    if (keyFirst) {
      timestampFrom = this.#writeTimestamp(timestamp, index, out)
      if (statement.ttlIndex !== undefined) this.#writeTtl(ttl, index, out)
    }
    const bytes = out.length
    if (bytes > this.#rules.max_row_bytes) throw rowSize(bytes, this.#rules.max_row_bytes, index)
    const { slab, start, end } = out.close()
    return {
      index,
      statement,
      slab,
      start,
      end,
      keyStart: start + keyStart,
      keyEnd: start + keyEnd,
      timestampAt: start + timestampFrom,
      weight,
      appends,
      given: undefined,
    }
  }

  /** Writes the row's own time, or leaves room for one, and returns the offset. */
  #writeTimestamp(given: unknown, index: number, out: Bytes): number {
    const { timestamp_column } = this.#rules
    const own = timestamp_column === undefined ? 0 : ownTimestampOf(given, this.#rules, index)
    out.int32(TIMESTAMP_BYTES)
    out.int64(own)
    return out.length - TIMESTAMP_BYTES
  }

  #writeTtl(given: unknown, index: number, out: Bytes): void {
    const seconds = ttlOf(given, this.#rules, index)
    if (seconds === undefined) {
      out.int32(UNSET_LENGTH)
      return
    }
    out.int32(TTL_BYTES)
    out.int32(seconds)
  }

  #control(row: Row, { controls }: Shape, name: string | undefined, index: number): unknown {
    return name !== undefined && controls.has(name) ? readProperty(row, name, index) : undefined
  }

  #shapeOf(row: Row, index: number): Shape {
    const names = ownNames(row, index)
    if (sameNames(names, this.#shape.names)) return this.#shape
    const present = new Array<boolean>(this.#columns.length).fill(false)
    const controls = new Set<string>()
    for (const name of names) {
      const at = this.#columnIndexes.get(name)
      if (this.#controls.includes(name)) controls.add(name)
      else if (at === undefined) throw columnUnknown(name, this.#schema, index)
      else present[at] = true
    }
    this.#shape = { names, present, controls }
    return this.#shape
  }

  #operationOf(row: Row, shape: Shape, index: number): Operation {
    const { delete_flag: flag, operation_column } = this.#rules
    if (this.#asked !== undefined)
      return this.#asked.of(this.#control(row, shape, operation_column, index), index)
    if (flag === undefined) return operations.insert
    const value = this.#control(row, shape, flag.column, index)
    if (value === undefined) throw deleteFlagMissing(flag.column, index)
    // A flag is a plain value. The text of an object would be arbitrary.
    const isPlain = typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol'
    return isPlain && String(value).toLowerCase() === flag.value.toLowerCase()
      ? operations.delete
      : operations.insert
  }

  /** Each property is read once, so a getter cannot give two answers. */
  #read(row: Row, { present }: Shape, count: number, index: number): unknown[] {
    const given: unknown[] = new Array(count)
    for (let i = 0; i < count; i++) {
      const name = this.#columns[i]?.name ?? ''
      given[i] = present[i] ? readProperty(row, name, index) : undefined
    }
    return given
  }

  /** A row that has static columns only needs no clustering key. */
  #isStaticOnly(given: readonly unknown[]): boolean {
    if (this.#regularsFrom === this.#keyCount || this.#keyCount === this.#partitionKeyCount) return false
    for (let i = this.#partitionKeyCount; i < given.length; i++) {
      const isStatic = i >= this.#keyCount && i < this.#regularsFrom
      if (!isStatic && given[i] !== undefined) return false
    }
    for (let i = this.#keyCount; i < this.#regularsFrom; i++) {
      if (given[i] !== undefined) return true
    }
    return false
  }

  /** @param bytes of the key columns so far, each with a length of 4 bytes before it */
  #checkPartitionKey(
    { column, columnIndex }: ColumnEncoder,
    size: number,
    bytes: number,
    index: number,
  ): void {
    const count = this.#partitionKeyCount
    // The hashed bytes have a length of 2 bytes before each column and a zero after it.
    const total = count === 1 ? size : bytes - (4 - KEY_PART_BYTES) * (columnIndex + 1)
    if (total === 0 || total > MAX_KEY_BYTES) throw keySize(column, size, count, index)
  }
}

function timeToLiveBy({ ttl, ttl_column }: RowRules): TimeToLive {
  if (ttl_column !== undefined) return 'bound'
  return ttl === undefined ? 'table' : ttl === 0 ? 'forever' : 'bound'
}
