import { RowError } from '../errors.ts'
import { cqlTypeName } from '../table/cqlType.ts'
import type { Column } from '../table/schema.ts'
import { KEY_PART_BYTES, MAX_KEY_BYTES } from './partitionKey.ts'
import { kindOf } from './preview.ts'
import type { Refusal } from './refusal.ts'

/** The words of every error about a row: which row, which column, what came, what was expected. */

/** Errors for fields that a user-defined type does not have. Not a property: callers match on the code alone. */
const unknownFields = new WeakSet<RowError>()

/** Whether a row names a column or a field that may have been added after the schema was read. */
export function mayBeNewInSchema(error: RowError): boolean {
  return error.code === 'ERR_CASSANDRA_COLUMN_UNKNOWN' || unknownFields.has(error)
}

export function notAnObject(input: unknown, row_index: number): RowError {
  const expected = 'an object with a property a column'
  const message = `Row ${row_index} is ${kindOf(input)}; expected ${expected}`
  return new RowError('ERR_CASSANDRA_ROW_TYPE', message, { row_index, expected })
}

export function columnUnknown(name: string, columns: readonly Column[], row_index: number): RowError {
  const column = name.slice(0, 80)
  const expected = `one of ${columns.map(({ name }) => name).join(', ')}`
  const message = `Row ${row_index}: the table has no column \`${column}\`; expected ${expected}`
  return new RowError('ERR_CASSANDRA_COLUMN_UNKNOWN', message, { row_index, column, expected })
}

export function deleteFlagMissing(column: string, row_index: number): RowError {
  const expected = 'a value, which tells deletes from inserts'
  const message = `Row ${row_index}, column \`${column}\`: the delete flag is missing; expected ${expected}`
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
  const message = `Row ${row_index} takes ${size} bytes; expected ${expected}`
  return new RowError('ERR_CASSANDRA_ROW_SIZE', message, { row_index, expected })
}

export function valueRefused(column: Column, refusal: Refusal, row_index: number): RowError {
  const { cqlType: cql_type, expected, preview, reason, cause } = refusal
  const path = `${column.name}${refusal.path}`
  const message = `Row ${row_index}, column \`${path}\` (${cql_type}): ${preview} ${reason}; expected ${expected}`
  const details = { row_index, column: path, cql_type, expected }
  const error = new RowError('ERR_CASSANDRA_VALUE', message, details, { cause })
  if (refusal.isUnknownField) unknownFields.add(error)
  return error
}

/** A getter or a proxy of the caller threw. */
export function unreadable(column: string | undefined, cause: unknown, row_index: number): RowError {
  const where = column === undefined ? '' : `, column \`${column}\``
  const message = `Row ${row_index}${where}: reading it threw an error`
  const details = column === undefined ? { row_index } : { row_index, column }
  return new RowError('ERR_CASSANDRA_VALUE', message, details, { cause })
}

/** A property that is no column but tells how to write the row. */
export function propertyRefused(
  column: string,
  shown: string,
  expected: string,
  row_index: number,
): RowError {
  const message = `Row ${row_index}, column \`${column}\`: got ${shown}; expected ${expected}`
  return new RowError('ERR_CASSANDRA_VALUE', message, { row_index, column, expected })
}

function ofColumn(
  code: RowError['code'],
  { name: column, type }: Column,
  problem: string,
  details: { row_index: number; expected: string },
): RowError {
  const cql_type = cqlTypeName(type)
  const message = `Row ${details.row_index}, column \`${column}\` (${cql_type}): ${problem}`
  return new RowError(code, message, { ...details, column, cql_type })
}
