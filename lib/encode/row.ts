import type { Column, TableSchema } from '../table/schema.ts'
import { type Operation, Statement } from '../table/statement.ts'
import { type BindValue, unset } from './bind.ts'
import type { EncodedRow } from './encodedRow.ts'
import { type Encoder, encoderFor } from './encoder.ts'
import { encodePartitionKey, KEY_PART_BYTES, MAX_KEY_BYTES } from './partitionKey.ts'
import { Refusal } from './refusal.ts'
import {
  columnUnknown,
  deleteFlagMissing,
  keyAbsent,
  keySize,
  notAnObject,
  rowSize,
  unreadable,
  valueRefused,
} from './rowRefusal.ts'
import { encodeOwnTimestamp, encodeTtl } from './using.ts'
import { CELL_WEIGHT, collectionWeight, ROW_WEIGHT, TTL_WEIGHT } from './weight.ts'

export interface RowRules {
  readonly delete_flag: { readonly column: string; readonly value: string } | undefined
  readonly ttl: number | undefined
  readonly ttl_column: string | undefined
  readonly timestamp_column: string | undefined
  readonly nulls: 'write' | 'unset'
  readonly max_row_bytes: number
}

type Row = Readonly<Record<string, unknown>>

interface Slot {
  readonly column: Column
  /** Place of the column among the table's. */
  readonly place: number
  readonly encode: Encoder
  readonly isKey: boolean
  readonly appends: boolean
  /** Each part of the value is a cell of its own on the server. */
  readonly isMultiCell: boolean
  readonly isPartitionKey: boolean
}

interface Target {
  readonly statement: Statement
  readonly slots: readonly Slot[]
  /** Where the first of the slots stands among the bound values. */
  readonly from: number
  /** How many of the slots are keys; they come first. */
  readonly keys: number
}

const LENGTH_PREFIX = 4
const TIMESTAMP_BYTES = 8

/** Turns rows of one table into bind values, or refuses them. */
export class RowEncoder {
  readonly #rules: RowRules
  readonly #columns: readonly Column[]
  readonly #partitionKeyCount: number
  readonly #keyCount: number
  readonly #regularsFrom: number
  readonly #targets: Readonly<Record<Operation, Target>>
  /** Own property names of the row before: most streams have one shape, which is then checked once. */
  #names: readonly string[] = []
  #present: readonly boolean[] = []
  readonly #directions: readonly string[]

  constructor(schema: TableSchema, rules: RowRules) {
    const count = (kind: Column['kind']) => schema.columns.filter(column => column.kind === kind).length
    this.#rules = rules
    this.#columns = schema.columns
    this.#directions = [rules.delete_flag?.column, rules.ttl_column, rules.timestamp_column].filter(
      name => name !== undefined,
    )
    this.#partitionKeyCount = count('partition_key')
    this.#keyCount = this.#partitionKeyCount + count('clustering')
    this.#regularsFrom = this.#keyCount + count('static')
    const slots = schema.columns.map(slotFor)
    const target = (operation: Operation): Target => {
      const hasTtl = rules.ttl !== undefined || rules.ttl_column !== undefined
      const statement = new Statement(operation, schema, hasTtl)
      const own = slots.filter(({ column }) => statement.columns.includes(column))
      const from = statement.timestampIndex === 0 ? 1 : 0
      return { statement, slots: own, from, keys: own.filter(({ isKey }) => isKey).length }
    }
    this.#targets = {
      insert: target('insert'),
      insert_static: target('insert_static'),
      delete: target('delete'),
    }
  }

  /** @throws RowError when the row cannot be stored exactly. */
  encode(input: unknown, index: number): EncodedRow {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) throw notAnObject(input, index)
    const row = input as Row
    this.#checkNames(row, index)
    const operation = this.#isDelete(row, index) ? 'delete' : 'insert'
    const given = this.#read(row, operation === 'delete' ? this.#keyCount : this.#columns.length, index)
    const isStatic = operation === 'insert' && this.#isStaticOnly(given)
    const encoded = this.#bind(this.#targets[isStatic ? 'insert_static' : operation], given, index)
    this.#direct(encoded, row)
    return encoded
  }

  /** Fills what stands in USING. */
  #direct({ statement, values, index }: EncodedRow, row: Row): void {
    const { ttl, ttl_column = 'ttl', timestamp_column } = this.#rules
    if (statement.ttlIndex !== undefined) {
      values[statement.ttlIndex] = encodeTtl(this.#direction(row, ttl_column, index), ttl, ttl_column, index)
    }
    if (timestamp_column !== undefined) {
      const own = this.#direction(row, timestamp_column, index)
      values[statement.timestampIndex] = encodeOwnTimestamp(own, timestamp_column, index)
    }
  }

  #direction(row: Row, name: string, index: number): unknown {
    return this.#directions.includes(name) && this.#names.includes(name)
      ? readProperty(row, name, index)
      : undefined
  }

  #bind({ statement, slots, from, keys }: Target, given: readonly unknown[], index: number): EncodedRow {
    const values = new Array<BindValue>(statement.binds)
    let bytes = LENGTH_PREFIX * statement.binds + TIMESTAMP_BYTES
    let weight = statement.ttlIndex === undefined ? ROW_WEIGHT : ROW_WEIGHT + TTL_WEIGHT
    let appends = false
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] as Slot
      const value = given[slot.place]
      if (value === undefined || value === null) {
        if (slot.isKey) throw keyAbsent(slot.column, value, index)
        const isWritten = value === null && this.#rules.nulls === 'write'
        values[from + i] = isWritten ? null : unset
        if (isWritten) weight += CELL_WEIGHT
        continue
      }
      const encoded = encodeColumn(slot, value, index)
      values[from + i] = encoded
      bytes += encoded.length
      if (slot.isMultiCell) weight += collectionWeight(slot.column.type, encoded)
      else if (!slot.isKey) weight += CELL_WEIGHT + encoded.length
      else if (!slot.isPartitionKey) weight += encoded.length
      if (slot.appends) appends = true
    }
    if (bytes > this.#rules.max_row_bytes) throw rowSize(bytes, this.#rules.max_row_bytes, index)
    this.#checkKeySizes(values, from, keys, index)
    const partitionKey = encodePartitionKey(values, from, this.#partitionKeyCount)
    return { index, statement, values, partitionKey, bytes, weight, appends }
  }

  #checkNames(row: Row, index: number): void {
    const names = ownNames(row, index)
    if (sameNames(names, this.#names)) return
    const known = new Set(this.#columns.map(({ name }) => name))
    const unknown = names.find(name => !known.has(name) && !this.#directions.includes(name))
    if (unknown !== undefined) throw columnUnknown(unknown, this.#columns, index)
    this.#present = this.#columns.map(({ name }) => names.includes(name) && !this.#directions.includes(name))
    this.#names = names
  }

  #isDelete(row: Row, index: number): boolean {
    const flag = this.#rules.delete_flag
    if (flag === undefined) return false
    const value = this.#direction(row, flag.column, index)
    if (value === undefined) throw deleteFlagMissing(flag.column, index)
    // Objects are compared by no text of theirs: a flag is a plain value.
    return typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol'
      ? String(value).toLowerCase() === flag.value.toLowerCase()
      : false
  }

  /** Each property is read once, so a getter cannot give two answers. */
  #read(row: Row, count: number, index: number): unknown[] {
    const given: unknown[] = new Array(count)
    for (let place = 0; place < count; place++) {
      const name = this.#columns[place]?.name ?? ''
      given[place] = this.#present[place] ? readProperty(row, name, index) : undefined
    }
    return given
  }

  /** A row of a partition's static columns alone needs no clustering key. */
  #isStaticOnly(given: readonly unknown[]): boolean {
    if (this.#regularsFrom === this.#keyCount || this.#keyCount === this.#partitionKeyCount) return false
    for (let place = this.#partitionKeyCount; place < given.length; place++) {
      const isStatic = place >= this.#keyCount && place < this.#regularsFrom
      if (!isStatic && given[place] !== undefined) return false
    }
    for (let place = this.#keyCount; place < this.#regularsFrom; place++) {
      if (given[place] !== undefined) return true
    }
    return false
  }

  #checkKeySizes(values: readonly BindValue[], from: number, keys: number, index: number): void {
    const count = this.#partitionKeyCount
    let partition = 0
    let clustering = 0
    for (let place = 0; place < keys; place++) {
      const size = (values[from + place] as Buffer).length
      if (place >= count) clustering += size
      else partition += count === 1 ? size : size + KEY_PART_BYTES
      const isEmpty = count === 1 && partition === 0
      if (isEmpty || partition > MAX_KEY_BYTES || clustering > MAX_KEY_BYTES) {
        throw keySize(this.#columns[place] as Column, size, count, index)
      }
    }
  }
}

function slotFor(column: Column, place: number): Slot {
  return {
    column,
    place,
    encode: encoderFor(column.type),
    isKey: column.kind === 'partition_key' || column.kind === 'clustering',
    appends: column.type.kind === 'list' && !column.type.frozen,
    isMultiCell: 'frozen' in column.type && !column.type.frozen,
    isPartitionKey: column.kind === 'partition_key',
  }
}

function encodeColumn({ column, encode }: Slot, value: unknown, index: number): Buffer {
  try {
    return encode(value)
  } catch (error) {
    throw error instanceof Refusal ? valueRefused(column, error, index) : error
  }
}

function ownNames(row: Row, index: number): string[] {
  try {
    return Object.keys(row)
  } catch (error) {
    throw unreadable(undefined, error, index)
  }
}

function readProperty(row: Row, name: string, index: number): unknown {
  try {
    const value = row[name]
    // The driver's users say so where a column is to be left alone.
    return value === unset ? undefined : value
  } catch (error) {
    throw unreadable(name, error, index)
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
