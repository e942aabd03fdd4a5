import type { Connection } from '../cluster/connect.ts'
import { openInTime } from '../cluster/opening.ts'
import { within } from '../cluster/within.ts'
import { channels, type OpenContext, traceEach } from '../diagnostics.ts'
import { ReadError } from '../errors.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { snapshotOf } from '../row/snapshot.ts'
import { readOptions } from '../table/readOptions.ts'
import { readTable } from '../table/readTable.ts'
import type { TableSchema } from '../table/schema.ts'

/** Name of the only partitioner whose tokens are known here. */
const MURMUR3 = 'Murmur3Partitioner'

/** A table that can be read. */
export interface OpenTable {
  readonly connection: Connection
  readonly schema: TableSchema
  /** What the caller does to a value afterwards has no effect on them. */
  readonly settings: ReadSettings
}

/**
 * Connects and reads the schema; no row is read yet. Nothing stays open after a failure.
 * @throws ConnectionError, SchemaError, ReadError, and what `use` throws
 */
export function openTable<Opened>(
  given: ReadSettings,
  signal: AbortSignal,
  use: (table: OpenTable) => Opened,
): Promise<Opened> {
  const settings = { ...given, params: Object.values(snapshotOf({ ...given.params }) as object) }
  const { keyspace, table, hosts, port, request_timeout_ms: timeout_ms } = settings
  return traceEach(
    channels.open,
    (): OpenContext => ({ keyspace, table, hosts, port }),
    () =>
      openInTime(settings, signal, async connection => {
        const { client } = connection
        const schema = await readTable({ client, keyspace, table, timeout_ms, signal })
        await refuseOtherPartitioners(connection, timeout_ms)
        signal.throwIfAborted()
        return use({ connection, schema, settings })
      }),
  )
}

/** Tokens of all nodes, by the driver's metadata. */
export function tokensOf({ client }: Connection): bigint[] {
  // A Set where the client makes sets of sets.
  const tokens = client.hosts.values().flatMap(({ tokens }) => [...(tokens ?? [])])
  return tokens.map(token => BigInt(String(token)))
}

async function refuseOtherPartitioners({ client }: Connection, timeout_ms: number): Promise<void> {
  const cql = 'SELECT partitioner FROM system.local'
  const { rows } = await within(timeout_ms, client.execute(cql, [], readOptions(timeout_ms)))
  const partitioner = String(rows[0]?.['partitioner'])
  if (partitioner.endsWith(MURMUR3)) return
  const text = `A cluster with ${partitioner} cannot be read in ranges, only one with ${MURMUR3}`
  throw new ReadError('ERR_CASSANDRA_READ', text)
}
