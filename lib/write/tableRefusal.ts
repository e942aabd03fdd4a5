import { SchemaError, WriteError } from '../errors.ts'
import type { ConsistencyName } from '../options/options.ts'
import type { StoredTable } from '../table/schema.ts'

/** Maximum number of characters of a type's text in an error. */
const MOST_SHOWN = 200

/** Why rows cannot be written to a table by INSERT and DELETE. Undefined if they can. */
export function refusalOf({ keyspace, name, isView, columns }: StoredTable): SchemaError | undefined {
  if (isView) return unsupported(`\`${keyspace}.${name}\` is a materialized view: write to its base table`)
  if (columns.some(({ cql }) => cql === 'counter')) {
    return unsupported(
      `\`${keyspace}.${name}\` is a counter table, and a counter update that is retried may count twice`,
    )
  }
  // Outside the key such a column does not matter, as long as no row has a value for it.
  const key = columns.find(({ kind, type }) => type.kind === 'unsupported' && isKey(kind))
  if (key === undefined) return undefined
  return new SchemaError(
    'ERR_CASSANDRA_TYPE_UNSUPPORTED',
    `Columns of type \`${key.cql.slice(0, MOST_SHOWN)}\` cannot be written: it is a custom or unknown type`,
  )
}

/** Modes in which writes outside a transaction go through Accord too (`TransactionalMode` in Cassandra's source). */
const accordModes: ReadonlySet<string> = new Set(['mixed_reads', 'full'])

/** Levels that Accord takes for such writes (`IAccordService.SUPPORTED_COMMIT_CONSISTENCY_LEVELS`). */
const accordLevels: readonly ConsistencyName[] = ['ONE', 'QUORUM', 'ALL']

/** Why no row can be written at this level. Undefined if the table does not restrict it. */
export function levelRefusalOf(
  { keyspace, name, transactional_mode }: StoredTable,
  consistency: ConsistencyName,
): WriteError | undefined {
  if (!accordModes.has(transactional_mode) || accordLevels.includes(consistency)) return undefined
  return new WriteError(
    'ERR_CASSANDRA_CONSISTENCY',
    `\`${keyspace}.${name}\` is written through Accord (transactional_mode = '${transactional_mode}'), which does not ` +
      `take ${consistency}: set the option \`consistency\` to QUORUM (or ONE, ALL)`,
  )
}

function isKey(kind: string): boolean {
  return kind === 'partition_key' || kind === 'clustering'
}

function unsupported(message: string): SchemaError {
  return new SchemaError('ERR_CASSANDRA_TABLE_UNSUPPORTED', message)
}
