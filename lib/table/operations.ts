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
  /** As CQL quotes it. */
  readonly name: string
  /** Stands for the value. */
  readonly marker: string
  readonly isKey: boolean
  /** Its value joins what is stored. */
  readonly isAdded: boolean
}

/** What is done with a row. Statement, encoder and counters follow from it: another one is another entry here. */
export interface Operation {
  readonly name: OperationName
  /** Kinds of the columns that it binds, in the order of their values. */
  readonly columns: readonly ColumnKind[]
  /** Whether values of non-frozen sets, maps and user-defined types join what is stored, rather than replace it. */
  readonly adds: boolean
  /** Whether it is nothing without a column that is no key. */
  readonly needsCells: boolean
  /** What it is for a row that has values for static columns alone, and needs no clustering key. */
  readonly ofStatics?: OperationName
  /** Where the write time, and the time to live behind it, stand among the values. */
  readonly using: 'first' | 'last'
  readonly takesTtl: boolean
  /** Counts its rows once they are acknowledged. */
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

/** Writes cells and no row marker: such a row is gone with its last cell. */
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

/** Those that a row may name: of the rest each is what one of these is for static columns alone. */
export const rowOperations: readonly Operation[] = Object.values(operations).filter(
  ({ name }) => !Object.values(operations).some(({ ofStatics }) => ofStatics === name),
)
