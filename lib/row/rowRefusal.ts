import { types as is } from 'node:util'
import { RowError } from '../errors.ts'
import { nearestNames } from '../options/nearest.ts'
import { escaped } from '../options/shown.ts'
import { cqlTypeName } from '../table/cqlType.ts'
import type { Column, TableSchema } from '../table/schema.ts'
import { cut, kindOf, listed } from '../value/preview.ts'
import type { Refusal } from '../value/refusal.ts'
import { KEY_PART_BYTES, MAX_KEY_BYTES } from './partitionKey.ts'

/** The text of every error about a row: which row, which column, what came, what was expected. */

/** Follows a row number in a message. Each stream counts anew, also one that continues the epochs of an earlier run. */
export const ROW_COUNT = '(counted from 0 in this stream)'

/** A row at the start of a message. */
export function rowLabel(row_index: number): string {
  return `Row ${row_index} ${ROW_COUNT}`
}

/** Errors that name a field or type the schema lacked. Not a property: callers match on the code alone. */
const unknownToSchema = new WeakSet<RowError>()

/** Whether a row names a column, a field or a type that may have been added after the schema was read. */
export function mayBeNewInSchema(error: RowError): boolean {
  return error.code === 'ERR_CASSANDRA_COLUMN_UNKNOWN' || unknownToSchema.has(error)
}

export function notAnObject(input: unknown, row_index: number): RowError {
  const expected = 'an object with one property per column'
  const advice = adviceFor(input)
  const message = `${rowLabel(row_index)} is ${kindOf(input)}; expected ${expected}${advice}`
  return new RowError('ERR_CASSANDRA_ROW_TYPE', message, { row_index, expected })
}

/** Advice for a value that is not a row. Empty if no cause is likely. */
function adviceFor(input: unknown): string {
  if (typeof input === 'string' || ArrayBuffer.isView(input)) {
    return ': text and bytes, such as those of a file, go through a parser first (one for JSON lines or CSV)'
  }
  if (Array.isArray(input))
    return ': write the rows of an array one by one, and let a CSV parser name the columns of its rows'
  return is.isMap(input) ? ': `Object.fromEntries(map)` makes one' : ''
}

/** Properties that control writing in other loaders, with the option that names such a property here. */
const controls = [
  { option: 'ttl_column', names: /^_*(?:ttl|time_?to_?live)_*$/i },
  { option: 'timestamp_column', names: /^_*(?:timestamp|write_?time(?:stamp)?)_*$/i },
  { option: 'operation_column', names: /^_*op(?:eration)?_*$/i },
] as const

export function columnUnknown(
  name: string,
  { keyspace, name: table, columns }: TableSchema,
  row_index: number,
): RowError {
  const names = columns.map(column => column.name)
  const [near] = nearestNames(name, names, 1)
  const control = controls.find(({ names }) => names.test(name.slice(0, 40)))
  const advice =
    (near === undefined ? '' : `; did you mean \`${escaped(near)}\`?`) +
    (control === undefined ? '' : `; \`${control.option}\` is the option that names such a property`)
  const expected = `one of ${listed(names)}`
  const message = `${rowLabel(row_index)}: \`${keyspace}.${table}\` has no column \`${escaped(cut(name, 80))}\`${advice}; expected ${expected}`
  const details = { row_index, column: cut(name, 80), expected }
  return new RowError('ERR_CASSANDRA_COLUMN_UNKNOWN', message, details)
}

export function deleteFlagMissing(column: string, row_index: number): RowError {
  const expected = 'a value, which tells deletes from inserts'
  const message = `${rowLabel(row_index)}, column \`${cut(escaped(column), 80)}\`: the delete flag is missing; expected ${expected}`
  return new RowError('ERR_CASSANDRA_DELETE_FLAG_MISSING', message, { row_index, column, expected })
}

export function keyAbsent(column: Column, value: null | undefined, row_index: number): RowError {
  const code = value === null ? 'ERR_CASSANDRA_KEY_NULL' : 'ERR_CASSANDRA_KEY_MISSING'
  const kind = column.kind === 'partition_key' ? 'partition key' : 'clustering key'
  const problem = `the ${kind} is ${value === null ? 'null' : 'missing'}`
  const expected = 'a value that is not null'
  return ofColumn(code, column, `${problem}; expected ${expected}`, { row_index, expected })
}

/** `parts` counts the columns of the partition key. */
export function keySize(column: Column, size: number, parts: number, row_index: number): RowError {
  const expected =
    column.kind === 'clustering'
      ? `clustering columns of at most ${MAX_KEY_BYTES} bytes together`
      : parts === 1
        ? `1 to ${MAX_KEY_BYTES} bytes`
        : `partition key columns of at most ${MAX_KEY_BYTES} bytes together, counting ${KEY_PART_BYTES} more for each`
  const problem = `a key of ${size} bytes; expected ${expected}`
  return ofColumn('ERR_CASSANDRA_KEY_SIZE', column, problem, { row_index, expected })
}

export function rowSize(size: number, most: number, row_index: number): RowError {
  const expected = `at most ${most} bytes (\`max_row_bytes\`)`
  const message = `${rowLabel(row_index)} takes ${size} bytes; expected ${expected}`
  return new RowError('ERR_CASSANDRA_ROW_SIZE', message, { row_index, expected })
}

export function valueRefused(column: Column, refusal: Refusal, row_index: number): RowError {
  const { cqlType: cql_type, preview, reason, cause } = refusal
  const path = `${column.name}${refusal.path}`
  const isEmptyText = preview === '""' && refusal.path === '' && !isKey(column)
  const expected = isEmptyText
    ? `${refusal.expected}; to store no value, give null or no property`
    : refusal.expected
  const where = `column \`${cut(`${escaped(column.name)}${refusal.path}`, 200)}\` (${shownType(cql_type)})`
  const message = `${rowLabel(row_index)}, ${where}: ${preview} ${reason}; expected ${cut(expected, 250)}`
  const details = { row_index, column: path, cql_type, expected }
  const error = new RowError('ERR_CASSANDRA_VALUE', message, details, { cause })
  if (refusal.mayBeNewInSchema) unknownToSchema.add(error)
  return error
}

/** A getter or a proxy of the caller's threw an error. */
export function unreadable(column: string | undefined, cause: unknown, row_index: number): RowError {
  const where = column === undefined ? '' : `, column \`${cut(escaped(column), 80)}\``
  const message = `${rowLabel(row_index)}${where}: reading it threw an error`
  const details = column === undefined ? { row_index } : { row_index, column }
  return new RowError('ERR_CASSANDRA_VALUE', message, details, { cause })
}

/** Refuses a property that is no column but controls how the row is written. */
export function propertyRefused(
  column: string,
  shown: string,
  expected: string,
  row_index: number,
): RowError {
  const message = `${rowLabel(row_index)}, column \`${cut(escaped(column), 80)}\`: got ${shown}; expected ${expected}`
  return new RowError('ERR_CASSANDRA_VALUE', message, { row_index, column, expected })
}

function ofColumn(
  code: RowError['code'],
  { name: column, type }: Column,
  problem: string,
  details: { row_index: number; expected: string },
): RowError {
  const cql_type = cqlTypeName(type)
  const message = `${rowLabel(details.row_index)}, column \`${cut(escaped(column), 80)}\` (${shownType(cql_type)}): ${problem}`
  return new RowError(code, message, { ...details, column, cql_type })
}

function isKey({ kind }: Column): boolean {
  return kind === 'partition_key' || kind === 'clustering'
}

function shownType(cqlType: string): string {
  return cut(cqlType, 120)
}
