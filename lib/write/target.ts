import { type Connection, connect } from '../connect/connect.ts'
import { explainConnectFailure } from '../connect/failure.ts'
import { OptionError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { readTableSchema, type StoredTable, type TableSchema } from '../table/schema.ts'
import type { ClusterClock } from './clusterClock.ts'
import { openClock } from './coordinator.ts'

/** A table that can be written, and the way to it. */
export interface WriteTarget {
  readonly connection: Connection
  readonly schema: StoredTable
  readonly clock: ClusterClock
}

/**
 * Connects and reads the schema.
 * @throws ConnectionError, SchemaError, OptionError
 */
export async function openTarget(settings: WriteSettings, signal: AbortSignal): Promise<WriteTarget> {
  const connection = await connect(settings, signal)
  const closeEarly = () => void connection.close()
  signal.addEventListener('abort', closeEarly)
  try {
    const { client } = connection
    const { keyspace, table, request_timeout_ms } = settings
    const schema = await readTableSchema(client, keyspace, table, request_timeout_ms)
    checkDirections(settings, schema)
    const clock = await openClock(client, settings.max_clock_skew_ms, request_timeout_ms)
    signal.throwIfAborted()
    return { connection, schema, clock }
  } catch (error) {
    await connection.close()
    throw await explainConnectFailure(error, settings)
  } finally {
    signal.removeEventListener('abort', closeEarly)
  }
}

/** Properties that tell how to write a row are never written, so they cannot be a key. */
function checkDirections(settings: WriteSettings, schema: TableSchema): void {
  const { delete_flag, ttl_column, timestamp_column } = settings
  const named = { delete_flag_column: delete_flag?.column, ttl_column, timestamp_column }
  for (const [option, name] of Object.entries(named)) {
    const column = schema.columns.find(column => column.name === name)
    if (column?.kind !== 'partition_key' && column?.kind !== 'clustering') continue
    const message = `Expected \`${option}\` not to be the key column \`${column.name}\`: it is never written`
    throw new OptionError('ERR_CASSANDRA_OPTION', option, message)
  }
}
