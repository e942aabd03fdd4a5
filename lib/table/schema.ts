import type { Client } from 'cassandra-driver'
import { readOptions } from '../connect/readOptions.ts'
import { SchemaError } from '../errors.ts'
import { type CqlType, columnType, type UdtLookup } from './cqlType.ts'

export type ColumnKind = 'partition_key' | 'clustering' | 'static' | 'regular'

export interface Column {
  readonly name: string
  readonly kind: ColumnKind
  readonly type: CqlType
  /** The type as the schema spells it. */
  readonly cql: string
}

/** One table as `system_schema` describes it. */
export interface TableSchema {
  /** Changes when the table is dropped and created again. */
  readonly id: string
  readonly keyspace: string
  readonly name: string
  /** Partition key and clustering columns in key order, then the others by name. */
  readonly columns: readonly Column[]
}

/** A table with how long things stay in it. */
export interface StoredTable extends TableSchema {
  /** Seconds for which tombstones are kept. */
  readonly gc_grace_seconds: number
  /** Seconds to live of rows that name none; 0 is for ever. */
  readonly default_time_to_live: number
}

function isKey(kind: ColumnKind): boolean {
  return kind === 'partition_key' || kind === 'clustering'
}

const kindOrder: readonly ColumnKind[] = ['partition_key', 'clustering', 'static', 'regular']

/**
 * Reads a table that can be written by INSERT and DELETE. Goes to `system_schema` and not to the driver's metadata,
 * because a borrowed client may have its metadata off or old.
 * @throws SchemaError when there is no such table, or it is a view or a counter table.
 */
export async function readTableSchema(
  client: Client,
  keyspace: string,
  table: string,
  timeout_ms: number,
): Promise<StoredTable> {
  const select = async (cql: string, ...values: string[]) =>
    (await client.execute(cql, values, readOptions(timeout_ms))).rows

  const [tables, columns, views, types] = await Promise.all([
    select(
      'SELECT id, gc_grace_seconds, default_time_to_live FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?',
      keyspace,
      table,
    ),
    select(
      'SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?',
      keyspace,
      table,
    ),
    select(
      'SELECT view_name FROM system_schema.views WHERE keyspace_name = ? AND view_name = ?',
      keyspace,
      table,
    ),
    select(
      'SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?',
      keyspace,
    ),
  ])
  const found = tables[0]
  if (views.length > 0) throw unsupported('a materialized view: write to its base table')
  if (found === undefined) throw await notFound()
  if (columns.some(column => column['type'] === 'counter')) {
    throw unsupported('a counter table, and a counter update that is retried may count twice')
  }

  const udts = new Map(
    types.map(type => [
      type['type_name'] as string,
      (type['field_names'] as string[]).map((name, i) => ({
        name,
        type: (type['field_types'] as string[])[i] ?? '',
      })),
    ]),
  )
  const lookupUdt: UdtLookup = name => udts.get(name)
  return {
    id: String(found['id']),
    keyspace,
    name: table,
    gc_grace_seconds: Number(found['gc_grace_seconds']),
    default_time_to_live: Number(found['default_time_to_live']),
    columns: columns
      .map(column => ({
        name: column['column_name'] as string,
        kind: column['kind'] as ColumnKind,
        position: column['position'] as number,
        type: columnType(column['type'] as string, isKey(column['kind'] as ColumnKind), lookupUdt),
        cql: column['type'] as string,
      }))
      .sort(
        (a, b) =>
          kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
          a.position - b.position ||
          (a.name < b.name ? -1 : 1),
      ),
  }

  function unsupported(why: string): SchemaError {
    return new SchemaError('ERR_CASSANDRA_TABLE_UNSUPPORTED', `\`${keyspace}.${table}\` is ${why}`)
  }

  async function notFound(): Promise<SchemaError> {
    const keyspaces = await select(
      'SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?',
      keyspace,
    )
    const advice = 'names are matched exactly, upper and lower case included'
    return keyspaces.length === 0
      ? new SchemaError('ERR_CASSANDRA_KEYSPACE_NOT_FOUND', `There is no keyspace \`${keyspace}\`; ${advice}`)
      : new SchemaError(
          'ERR_CASSANDRA_TABLE_NOT_FOUND',
          `Keyspace \`${keyspace}\` has no table \`${table}\`; ${advice}`,
        )
  }
}

/**
 * What became of a table since its schema was read, or undefined if it is as it was.
 * A dropped table or column fails like a passing fault, so only the schema itself tells them apart.
 */
export async function schemaChange(
  client: Client,
  before: TableSchema,
  timeout_ms: number,
): Promise<SchemaError | undefined> {
  const name = `${before.keyspace}.${before.name}`
  let now: TableSchema
  try {
    now = await readTableSchema(client, before.keyspace, before.name, timeout_ms)
  } catch (error) {
    if (error instanceof SchemaError) return changed(`\`${name}\` was dropped: ${error.message}`)
    return undefined
  }
  if (now.id !== before.id) return changed(`\`${name}\` was dropped and created again`)
  for (const column of before.columns) {
    const same = now.columns.find(({ name }) => name === column.name)
    if (same === undefined) return changed(`Column \`${column.name}\` of \`${name}\` was dropped`)
    if (same.cql !== column.cql) {
      return changed(`Column \`${column.name}\` of \`${name}\` changed from ${column.cql} to ${same.cql}`)
    }
  }
  return undefined
}

function changed(what: string): SchemaError {
  return new SchemaError('ERR_CASSANDRA_SCHEMA_CHANGED', `${what} while it was being written`)
}
