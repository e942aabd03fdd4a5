import type { ColumnKind } from './schema.ts'

export type OperationName =
  | 'insert'
  | 'insert_static'
  | 'update'
  | 'update_static'
  | 'append'
  | 'append_static'
  | 'delete'

/** A column in a statement. */
export interface BoundColumn {
  /** Quoted for CQL. */
  readonly name: string
  /** The bind marker. */
  readonly marker: string
  readonly isKey: boolean
  /** Whether its value is added to the stored one. */
  readonly isAdded: boolean
}

/** What happens to a row. Statement, encoder and counters follow from it, so a new operation is one new entry. */
export interface Operation {
  readonly name: OperationName
  /** Kinds of the columns that it binds, in the order of their values. */
  readonly columns: readonly ColumnKind[]
  /** Whether values of non-frozen sets, maps and user-defined types are added to the stored ones. Otherwise they replace them. */
  readonly adds: boolean
  /** Whether it needs a column outside the key. */
  readonly needsCells: boolean
  /** The operation for a row that has static columns only and needs no clustering key. */
  readonly ofStatics?: OperationName
  /** Where the write time, followed by the time to live, is among the values. */
  readonly using: 'first' | 'last'
  readonly takesTtl: boolean
  /** The counter of its acknowledged rows. */
  readonly counter: 'rows_written' | 'rows_deleted'
  /** @param using what follows `USING` */
  cql(table: string, columns: readonly BoundColumn[], using: string): string
}

function insert(table: string, columns: readonly BoundColumn[], using: string): string {
  const names = columns.map(({ name }) => name)
  const markers = columns.map(({ marker }) => marker)
  return `INSERT INTO ${table} (${names.join(', ')}) VALUES (${markers.join(', ')}) USING ${using}`
}

function update(table: string, columns: readonly BoundColumn[], using: string): string {
  const set = columns
    .filter(({ isKey }) => !isKey)
    .map(({ name, marker, isAdded }) => `${name} = ${isAdded ? `${name} + ` : ''}${marker}`)
  return `UPDATE ${table} USING ${using} SET ${set.join(', ')} WHERE ${keyOf(columns)}`
}

function keyOf(columns: readonly BoundColumn[]): string {
  const key = columns.filter(({ isKey }) => isKey)
  return key.map(({ name, marker }) => `${name} = ${marker}`).join(' AND ')
}

/** Writes cells and no row marker: the row is gone with its last cell. */
const updateOf = {
  using: 'first',
  needsCells: true,
  takesTtl: true,
  counter: 'rows_written',
  cql: update,
} as const

export const operations: Readonly<Record<OperationName, Operation>> = {
  insert: {
    name: 'insert',
    columns: ['partition_key', 'clustering', 'static', 'regular'],
    adds: false,
    needsCells: false,
    ofStatics: 'insert_static',
    using: 'last',
    takesTtl: true,
    counter: 'rows_written',
    cql: insert,
  },
  insert_static: {
    name: 'insert_static',
    columns: ['partition_key', 'static'],
    adds: false,
    needsCells: false,
    using: 'last',
    takesTtl: true,
    counter: 'rows_written',
    cql: insert,
  },
  update: {
    ...updateOf,
    name: 'update',
    columns: ['static', 'regular', 'partition_key', 'clustering'],
    adds: false,
    ofStatics: 'update_static',
  },
  update_static: { ...updateOf, name: 'update_static', columns: ['static', 'partition_key'], adds: false },
  append: {
    ...updateOf,
    name: 'append',
    columns: ['static', 'regular', 'partition_key', 'clustering'],
    adds: true,
    ofStatics: 'append_static',
  },
  append_static: { ...updateOf, name: 'append_static', columns: ['static', 'partition_key'], adds: true },
  delete: {
    name: 'delete',
    columns: ['partition_key', 'clustering'],
    adds: false,
    needsCells: false,
    using: 'first',
    takesTtl: false,
    counter: 'rows_deleted',
    cql: (table, columns, using) => `DELETE FROM ${table} USING ${using} WHERE ${keyOf(columns)}`,
  },
}

/** Operations that a row may name. The others are their variants for static columns only. */
export const rowOperations: readonly Operation[] = Object.values(operations).filter(
  ({ name }) => !Object.values(operations).some(({ ofStatics }) => ofStatics === name),
)
