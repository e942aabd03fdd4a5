import type { ColumnKind } from './schema.ts'

export type OperationName = 'insert' | 'insert_static' | 'delete'

/** A column in a statement: its name as CQL quotes it, and the marker for its value. */
export interface BoundColumn {
  readonly name: string
  readonly marker: string
}

/** What is done with a row. Statement, encoder and counters follow from it: another one is another entry here. */
export interface Operation {
  readonly name: OperationName
  /** Kinds of the columns that it binds, the first ones of the table. */
  readonly columns: readonly ColumnKind[]
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

export const operations: Readonly<Record<OperationName, Operation>> = {
  insert: {
    name: 'insert',
    columns: ['partition_key', 'clustering', 'static', 'regular'],
    ofStatics: 'insert_static',
    using: 'last',
    takesTtl: true,
    counter: 'rows_written',
    cql: insert,
  },
  insert_static: {
    name: 'insert_static',
    columns: ['partition_key', 'static'],
    using: 'last',
    takesTtl: true,
    counter: 'rows_written',
    cql: insert,
  },
  delete: {
    name: 'delete',
    columns: ['partition_key', 'clustering'],
    using: 'first',
    takesTtl: false,
    counter: 'rows_deleted',
    cql: (table, columns, using) => {
      const key = columns.map(({ name, marker }) => `${name} = ${marker}`)
      return `DELETE FROM ${table} USING ${using} WHERE ${key.join(' AND ')}`
    },
  },
}
