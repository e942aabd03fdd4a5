import { type Connection, connect } from '../connect/connect.ts'
import { explainConnectFailure } from '../connect/failure.ts'
import { OptionError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { readTable } from '../table/readTable.ts'
import type { StoredTable, TableSchema } from '../table/schema.ts'
import { type OrderClock, processClock } from './clock.ts'

/** A table that can be written, and the way to it. */
export interface WriteTarget {
  readonly connection: Connection
  /** The cluster's own name for itself. */
  readonly cluster: string
  readonly schema: StoredTable
  /** When the schema was read, by `performance.now()`. */
  readonly readAt: number
  readonly clock: OrderClock
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
    const readAt = performance.now()
    const schema = await readTable({ client, keyspace, table, timeout_ms: request_timeout_ms, signal })
    checkDirections(settings, schema)
    const clock = processClock()
    const { now, cluster } = await readCoordinator(connection, request_timeout_ms)
    clock.advance(now)
    signal.throwIfAborted()
    return { connection, cluster, schema, readAt, clock }
  } catch (error) {
    await connection.close()
    throw await explainConnectFailure(error, settings)
  } finally {
    signal.removeEventListener('abort', closeEarly)
  }
}

/**
 * The coordinator's clock in microseconds, so that a machine behind it does not write into the past; and the name of
 * its cluster.
 */
async function readCoordinator(
  { client }: Connection,
  timeout_ms: number,
): Promise<{ readonly now: number; readonly cluster: string }> {
  const cql = 'SELECT toUnixTimestamp(now()) AS now, cluster_name FROM system.local'
  const { rows } = await client.execute(cql, [], { prepare: true, readTimeout: timeout_ms })
  return { now: Number(rows[0]?.['now'] ?? 0) * 1000, cluster: String(rows[0]?.['cluster_name'] ?? '') }
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
