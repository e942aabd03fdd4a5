import { type CqlType, cqlTypeName, quoteIdentifier } from './cqlType.ts'
import type { Operation } from './operations.ts'
import type { Column, TableSchema } from './schema.ts'

/** Where one value of a row goes: a column, or a field of one. */
export interface Target extends Column {
  /** Field of a non-frozen user-defined type. Type and `cql` are then the field's. */
  readonly field?: string
}

/** The targets that an operation binds, in the order of its values. */
export function targetsOf({ columns: kinds, adds }: Operation, { columns }: TableSchema): readonly Target[] {
  return kinds
    .flatMap(kind => columns.filter(column => column.kind === kind && column.type.kind !== 'unsupported'))
    .flatMap(column => (adds ? partsOf(column) : [column]))
}

/** A name that is unique among the targets of a table. */
export function targetName({ name, field }: Target): string {
  return field === undefined ? name : `${name}\n${field}`
}

/** Quoted for CQL. */
export function quotedTarget({ name, field }: Target): string {
  return field === undefined ? quoteIdentifier(name) : `${quoteIdentifier(name)}.${quoteIdentifier(field)}`
}

/** Whether a value can be added to the stored one. A repeat is then harmless, because each element is a cell with a fixed key. */
export function takesMore(type: CqlType): boolean {
  return (type.kind === 'set' || type.kind === 'map') && !type.frozen
}

/** Whether the fields of a value are cells. */
export function hasFieldCells(type: CqlType): type is Extract<CqlType, { kind: 'udt' }> {
  return type.kind === 'udt' && !type.frozen
}

function partsOf(column: Column): readonly Target[] {
  const { type } = column
  if (!hasFieldCells(type)) return [column]
  return type.fields.map(field => ({
    ...column,
    field: field.name,
    type: field.type,
    cql: cqlTypeName(field.type),
  }))
}
