import type { Client, Host, types } from 'cassandra-driver'
import { SchemaError } from '../errors.ts'
import { nearestNames } from '../options/nearest.ts'
import { parseCqlType, quoteIdentifier, type UdtLookup } from './cqlType.ts'
import { readOptions } from './readOptions.ts'
import type { ColumnKind, StoredTable } from './schema.ts'

/** Rows per page. All pages are read. Fewer than any guardrail `page_size` is likely to allow, which also holds for system tables. */
const PAGE_ROWS = 100

export type SystemRow = Readonly<Record<string, unknown>>

/** Reads all rows of a system table, or of DESCRIBE, from one node. */
export type SelectSystem = (cql: string, ...values: string[]) => Promise<readonly SystemRow[]>

/**
 * Statements are not prepared: PREPARE may go to another node, and takes a place in the driver's and the server's cache.
 *
 * @param host the node to ask; any when undefined
 */
export function selectFrom(client: Client, host: Host | undefined, timeout_ms: number): SelectSystem {
  return async (cql, ...values) => {
    const rows: SystemRow[] = []
    let pageState: Buffer | string | undefined
    do {
      const page: types.ResultSet = await client.execute(cql, values, {
        ...readOptions(timeout_ms),
        prepare: false,
        hints: values.map(() => 'text'),
        fetchSize: PAGE_ROWS,
        ...(host !== undefined && { host }),
        ...(pageState !== undefined && { pageState }),
      })
      for (const row of page.rows) rows.push(row)
      pageState = page.pageState ?? undefined
    } while (pageState !== undefined)
    return rows
  }
}

const kindOrder: readonly ColumnKind[] = ['partition_key', 'clustering', 'static', 'regular']

/**
 * Describes a table or a materialized view. Goes to `system_schema` and not to the driver's metadata, because a borrowed
 * client may have metadata that is switched off or out of date.
 * @throws SchemaError when the keyspace or the table does not exist.
 */
export async function describeTable(
  select: SelectSystem,
  keyspace: string,
  table: string,
): Promise<Omit<StoredTable, 'version'>> {
  const ofTable = 'WHERE keyspace_name = ? AND table_name = ?'
  const [tables, columns, dropped, views, types] = await Promise.all([
    // The columns depend on the version.
    select(`SELECT * FROM system_schema.tables ${ofTable}`, keyspace, table),
    select(
      `SELECT column_name, kind, position, type, clustering_order FROM system_schema.columns ${ofTable}`,
      keyspace,
      table,
    ),
    select(`SELECT column_name, dropped_time FROM system_schema.dropped_columns ${ofTable}`, keyspace, table),
    select(
      'SELECT id, gc_grace_seconds, default_time_to_live FROM system_schema.views WHERE keyspace_name = ? AND view_name = ?',
      keyspace,
      table,
    ),
    select(
      'SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?',
      keyspace,
    ),
  ])
  const found = tables[0] ?? views[0]
  if (found === undefined) throw await notFound(select, keyspace, table)
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
    isView: views.length > 0,
    transactional_mode: await transactionalMode(select, found, keyspace, table),
    gc_grace_seconds: Number(found['gc_grace_seconds']),
    default_time_to_live: Number(found['default_time_to_live']),
    dropped: new Map(
      dropped.map(column => [column['column_name'] as string, Number(column['dropped_time'])]),
    ),
    columns: visible(columns, tables[0]?.['flags'])
      .map(column => ({
        name: column['column_name'] as string,
        kind: column['kind'] as ColumnKind,
        position: column['position'] as number,
        type: parseCqlType(column['type'] as string, lookupUdt),
        cql: column['type'] as string,
        ...(column['clustering_order'] === 'desc' && ({ isDescending: true } as const)),
      }))
      .sort(
        (a, b) =>
          kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) ||
          a.position - b.position ||
          (a.name < b.name ? -1 : 1),
      ),
  }
}

/**
 * The columns of a table as CQL has them. For a table WITH COMPACT STORAGE, the schema describes how it is stored: if it has no
 * clustering columns, its columns are static beside two hidden ones; if it has nothing else, there is a hidden value of type `empty`.
 */
function visible(columns: readonly SystemRow[], given: unknown): readonly SystemRow[] {
  if (given === undefined || given === null) return columns
  const flags = new Set(given as Iterable<string>)
  if (flags.has('dense')) return columns.filter(({ type }) => type !== 'empty')
  if (flags.has('compound') || flags.has('super')) return columns
  return columns
    .filter(({ kind }) => kind === 'partition_key' || kind === 'static')
    .map(column => (column['kind'] === 'static' ? { ...column, kind: 'regular' } : column))
}

/** In Cassandra 6, only DESCRIBE shows the mode, and no table of the schema. Older versions have no column `fast_path`. */
async function transactionalMode(
  select: SelectSystem,
  found: SystemRow,
  keyspace: string,
  table: string,
): Promise<string> {
  if (!('fast_path' in found)) return 'off'
  const name = `${quoteIdentifier(keyspace)}.${quoteIdentifier(table)}`
  const [described] = await select(`DESCRIBE TABLE ${name}`)
  const statement = String(described?.['create_statement'])
  return /^\s*(?:AND|\) WITH) transactional_mode = '(\w+)'/m.exec(statement)?.[1] ?? 'off'
}

async function notFound(select: SelectSystem, keyspace: string, table: string): Promise<SchemaError> {
  const namesOf = async (column: string, cql: string, ...values: string[]) =>
    (await select(cql, ...values)).map(row => row[column] as string)
  const keyspaces = await namesOf('keyspace_name', 'SELECT keyspace_name FROM system_schema.keyspaces')
  if (!keyspaces.includes(keyspace)) {
    const text = `There is no keyspace \`${keyspace}\`; ${adviceFor(keyspace, keyspaces)}`
    return new SchemaError('ERR_CASSANDRA_KEYSPACE_NOT_FOUND', text)
  }
  const cql = 'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?'
  const tables = await namesOf('table_name', cql, keyspace)
  const text = `Keyspace \`${keyspace}\` has no table \`${table}\`; ${adviceFor(table, tables)}`
  return new SchemaError('ERR_CASSANDRA_TABLE_NOT_FOUND', text)
}

function adviceFor(name: string, candidates: readonly string[]): string {
  const near = nearestNames(name, candidates)
  const rule = 'names are matched exactly, upper and lower case included'
  if (near.length === 0) return rule
  return `did you mean ${near.map(candidate => `\`${candidate}\``).join(' or ')}? (${rule})`
}
