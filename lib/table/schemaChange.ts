import { SchemaError } from '../errors.ts'
import type { CqlType } from './cqlType.ts'
import type { Column, StoredTable, TableSchema } from './schema.ts'

/**
 * Why rows that were encoded for the old table cannot be written to the new one, or undefined. A dropped or added column is
 * no reason unless it belongs to the key: rows that do not name it are still right.
 */
export function schemaChange(before: StoredTable, now: StoredTable): SchemaError | undefined {
  const name = nameOf(before)
  if (now.id !== before.id) return changed(`${name} was dropped and created again`)
  const [key, keyNow] = [keyOf(before), keyOf(now)]
  if (key !== keyNow) return changed(`The primary key of ${name} changed from (${key}) to (${keyNow})`)
  for (const column of before.columns) {
    const same = now.columns.find(({ name }) => name === column.name)
    if (same === undefined) continue
    const what = `Column \`${column.name}\` of ${name}`
    if (same.cql !== column.cql || same.kind !== column.kind) {
      return changed(`${what} changed from ${spelled(column)} to ${spelled(same)}`)
    }
    if (!isGrown(column.type, same.type))
      return changed(`${what} changed: the fields of ${column.cql} are different`)
    // Cells with a write time before the drop are gone.
    if (now.dropped.get(column.name) !== before.dropped.get(column.name)) {
      return changed(`${what} was dropped and added again`)
    }
  }
  return undefined
}

/** Whether a table has everything that another description of it has. */
export function hasAllOf(before: TableSchema, now: TableSchema): boolean {
  const names = new Set(now.columns.map(({ name }) => name))
  return before.columns.every(({ name }) => names.has(name))
}

/** Whether rows are encoded in the same way for both. */
export function isSameTable(one: TableSchema, other: TableSchema): boolean {
  return JSON.stringify(one.columns) === JSON.stringify(other.columns)
}

/** @param error why the table can no longer be described */
export function tableGone(before: TableSchema, { code, message }: SchemaError): SchemaError {
  const name = nameOf(before)
  if (code === 'ERR_CASSANDRA_TABLE_NOT_FOUND') return changed(`${name} was dropped`)
  if (code === 'ERR_CASSANDRA_KEYSPACE_NOT_FOUND') return changed(`${name} was dropped with its keyspace`)
  return changed(`${name} changed`, `: ${message}`)
}

export function columnDropped(table: TableSchema, column: string): SchemaError {
  return changed(`Column \`${column}\` of ${nameOf(table)} was dropped`)
}

function changed(what: string, why = ''): SchemaError {
  return new SchemaError('ERR_CASSANDRA_SCHEMA_CHANGED', `${what} while it was being written${why}`)
}

function nameOf({ keyspace, name }: TableSchema): string {
  return `\`${keyspace}.${name}\``
}

function keyOf({ columns }: TableSchema): string {
  const key = columns.filter(({ kind }) => kind === 'partition_key' || kind === 'clustering')
  return key.map(({ name }) => name).join(', ')
}

function spelled({ cql, kind }: Column): string {
  return kind === 'static' ? `${cql} static` : cql
}

/** Whether bytes of the first type mean the same in the second. User-defined types may have new fields at their end. */
function isGrown(before: CqlType, now: CqlType): boolean {
  switch (before.kind) {
    case 'scalar':
      return now.kind === 'scalar' && now.name === before.name
    case 'list':
    case 'set':
      return now.kind === before.kind && isGrown(before.element, now.element)
    case 'map':
      return now.kind === 'map' && isGrown(before.key, now.key) && isGrown(before.value, now.value)
    case 'vector':
      return (
        now.kind === 'vector' && now.dimension === before.dimension && isGrown(before.element, now.element)
      )
    case 'tuple':
      return (
        now.kind === 'tuple' &&
        now.elements.length === before.elements.length &&
        before.elements.every((element, i) => isGrown(element, now.elements[i] as CqlType))
      )
    case 'udt':
      return (
        now.kind === 'udt' &&
        before.fields.every((field, i) => {
          const same = now.fields[i]
          return same !== undefined && same.name === field.name && isGrown(field.type, same.type)
        })
      )
    default:
      return now.kind === (before as CqlType).kind
  }
}
