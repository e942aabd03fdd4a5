import type { Client } from 'cassandra-driver'
import { within } from '../cluster/within.ts'
import { OptionError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { expiresBy, expiryOf } from '../row/using.ts'
import { readLatestExpiry } from '../table/expiry.ts'
import { readTable } from '../table/readTable.ts'
import type { StoredTable, TableSchema } from '../table/schema.ts'
import { levelRefusalOf, refusalOf } from './tableRefusal.ts'

/** A table that can be written. */
export interface WritableTable {
  readonly schema: StoredTable
  /** When the schema was read, by `performance.now()`. */
  readonly readAt: number
  /** Latest moment at which a row may expire, in seconds since 1970. Undefined if the server takes any. */
  readonly latest_expiry_s: number | undefined
}

/**
 * Reads the schema, and checks that rows can be written as the settings say.
 * @throws SchemaError, OptionError, WriteError, and errors of the driver
 */
export async function readWritableTable(
  client: Client,
  settings: WriteSettings,
  signal: AbortSignal,
): Promise<WritableTable> {
  const { keyspace, table, request_timeout_ms: timeout_ms } = settings
  const readAt = performance.now()
  const source = { client, keyspace, table, timeout_ms, signal }
  const schema = await readTable(source, found => refusalOf(found) === undefined)
  const refusal = refusalOf(schema) ?? levelRefusalOf(schema, settings.consistency)
  if (refusal !== undefined) throw refusal
  checkControls(settings, schema)
  return { schema, readAt, latest_expiry_s: await latestExpiry(settings, client) }
}

/**
 * The latest moment at which rows with a time to live may expire.
 * @throws OptionError when `ttl` ends later
 */
async function latestExpiry(settings: WriteSettings, client: Client): Promise<number | undefined> {
  const { ttl, ttl_column, request_timeout_ms } = settings
  if (ttl === undefined && ttl_column === undefined) return undefined
  const latest_expiry_s = await within(request_timeout_ms, readLatestExpiry(client, request_timeout_ms))
  if (ttl === undefined || latest_expiry_s === undefined || expiryOf(ttl) <= latest_expiry_s)
    return latest_expiry_s
  const message = `Expected \`ttl\` to be ${expiresBy(latest_expiry_s)}, got ${ttl}`
  throw new OptionError('ERR_CASSANDRA_OPTION', 'ttl', message)
}

/** Properties that control how a row is written are never stored, so they cannot be a key. */
function checkControls(settings: WriteSettings, schema: TableSchema): void {
  const { delete_flag, ttl_column, timestamp_column, operation_column } = settings
  const named = { delete_flag_column: delete_flag?.column, ttl_column, timestamp_column, operation_column }
  for (const [option, name] of Object.entries(named)) {
    const column = schema.columns.find(column => column.name === name)
    if (column?.kind !== 'partition_key' && column?.kind !== 'clustering') continue
    const message = `Expected \`${option}\` not to be the key column \`${column.name}\`: it is never written`
    throw new OptionError('ERR_CASSANDRA_OPTION', option, message)
  }
}
