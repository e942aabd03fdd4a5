import { SchemaError } from '../../errors.ts'
import type { TablePlace } from '../../options/checkpointPlace.ts'
import { quoteIdentifier } from '../../table/cqlType.ts'
import { readOptions } from '../../table/readOptions.ts'
import { readTable } from '../../table/readTable.ts'
import type { StoredTable } from '../../table/schema.ts'
import { columnTypes } from './columns.ts'
import { repeated } from './repeated.ts'
import type { RowAccess } from './serialRow.ts'

export const tableName = ({ keyspace, table }: TablePlace) =>
  `${quoteIdentifier(keyspace)}.${quoteIdentifier(table)}`

function definitionOf(place: TablePlace): string {
  const columns = Object.entries(columnTypes).map(([name, type]) => `${name} ${type}`)
  return (
    `CREATE TABLE IF NOT EXISTS ${tableName(place)} (${columns.join(', ')}, PRIMARY KEY (name)) ` +
    "WITH comment = 'Checkpoints of cassandra-streams'"
  )
}

/**
 * Creates the table for checkpoints if it does not exist, and checks that it can hold them.
 * @throws SchemaError; the driver's error when the table cannot be created
 */
export async function provideTable(
  { client, limits }: RowAccess,
  place: TablePlace,
  location: string,
  signal: AbortSignal,
): Promise<void> {
  const { keyspace, table } = place
  const { request_timeout_ms: timeout_ms } = limits
  const look = () => readTable({ client, keyspace, table, timeout_ms, signal })
  const create = async () => {
    const send = (limit_ms: number) =>
      client.execute(definitionOf(place), [], { ...readOptions(limit_ms), prepare: false })
    // The driver waits for schema agreement. `look` waits too, in case the driver gave up.
    await repeated(send, limits, signal)
    return look()
  }
  try {
    const schema = await repeated(look, limits, signal).catch(error => {
      if (error instanceof SchemaError && error.code === 'ERR_CASSANDRA_TABLE_NOT_FOUND') return create()
      throw error
    })
    checkTable(schema, place)
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    throw new SchemaError(error.code, `Cannot open checkpoint ${location}: ${error.message}`)
  }
}

function checkTable({ columns, isView, default_time_to_live }: StoredTable, place: TablePlace): void {
  const key = columns.filter(({ kind }) => kind === 'partition_key' || kind === 'clustering')
  const lacking = Object.entries(columnTypes).find(
    ([name, type]) => columns.find(column => column.name === name)?.cql !== type,
  )
  if (isView) throw unsuitable('it is a materialized view', place)
  if (lacking !== undefined) throw unsuitable(`it has no column \`${lacking.join(' ')}\``, place)
  if (key.length > 1 || key[0]?.name !== 'name') throw unsuitable('its primary key is not `name`', place)
  if (default_time_to_live > 0)
    throw unsuitable(
      `its default_time_to_live is ${default_time_to_live}, and a checkpoint must not expire`,
      place,
    )
}

function unsuitable(why: string, place: TablePlace): SchemaError {
  return new SchemaError(
    'ERR_CASSANDRA_TABLE_UNSUPPORTED',
    `${place.keyspace}.${place.table} cannot hold checkpoints: ${why}. Set \`table\` to another name. A table that does not ` +
      `exist is created by ${definitionOf(place)}`,
  )
}
