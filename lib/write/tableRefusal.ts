import { SchemaError } from '../errors.ts'
import type { StoredTable } from '../table/schema.ts'

/** Of the text of a type in an error. */
const MOST_SHOWN = 200

/** Why rows cannot be written to a table by INSERT and DELETE; undefined when they can. */
export function refusalOf({ keyspace, name, isView, columns }: StoredTable): SchemaError | undefined {
  if (isView) return unsupported(`\`${keyspace}.${name}\` is a materialized view: write to its base table`)
  if (columns.some(({ cql }) => cql === 'counter')) {
    return unsupported(
      `\`${keyspace}.${name}\` is a counter table, and a counter update that is retried may count twice`,
    )
  }
  // Elsewhere it is no fault of the table's, as long as no row has a value for it.
  const key = columns.find(({ kind, type }) => type.kind === 'unsupported' && isKey(kind))
  if (key === undefined) return undefined
  return new SchemaError(
    'ERR_CASSANDRA_TYPE_UNSUPPORTED',
    `Columns of type \`${key.cql.slice(0, MOST_SHOWN)}\` cannot be written: it is a custom or unknown type`,
  )
}

function isKey(kind: string): boolean {
  return kind === 'partition_key' || kind === 'clustering'
}

function unsupported(message: string): SchemaError {
  return new SchemaError('ERR_CASSANDRA_TABLE_UNSUPPORTED', message)
}
