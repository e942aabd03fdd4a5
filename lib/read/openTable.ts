import type { Client } from 'cassandra-driver'
import { answerWithin } from '../cluster/answerWithin.ts'
import type { Connection } from '../cluster/connect.ts'
import { openInTime } from '../cluster/opening.ts'
import { channels, type OpenContext, traceEach } from '../diagnostics.ts'
import { ReadError } from '../errors.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import { snapshotOf } from '../row/snapshot.ts'
import { readOptions } from '../table/readOptions.ts'
import { AGREEMENT_MS, readTable } from '../table/readTable.ts'
import type { TableSchema } from '../table/schema.ts'

/** The only supported partitioner. */
const MURMUR3 = 'Murmur3Partitioner'

/** The server's cluster and version. */
export interface Server {
  /** Name of the cluster. */
  readonly cluster: string
  /** Major version. */
  readonly version: number
}

/** A table that can be read. */
export interface OpenTable {
  readonly connection: Connection
  readonly schema: TableSchema
  readonly server: Server
  /** With copies of the caller's values, so that later changes have no effect. */
  readonly settings: ReadSettings
}

/**
 * Whether a description has the columns that are read. Without names, these are all columns. A node that lags behind lacks new
 * ones, which would be left out silently, so the nodes get some time to agree.
 */
export function hasAll(names: readonly string[] | undefined): (found: TableSchema) => boolean {
  let ends: number | undefined
  return ({ columns }) => {
    ends ??= performance.now() + AGREEMENT_MS
    if (names?.every(name => columns.some(column => column.name === name)) === true) return true
    return performance.now() >= ends
  }
}

/**
 * Connects and reads the schema, but no row yet. Nothing stays open after a failure.
 * @param isEnough whether a description can be used although the nodes may not agree on the schema
 * @throws ConnectionError, SchemaError, ReadError, and errors of `use`
 */
export function openTable<Opened>(
  given: ReadSettings,
  signal: AbortSignal,
  use: (table: OpenTable) => Opened | Promise<Opened>,
  isEnough: (found: TableSchema) => boolean = hasAll(given.columns),
): Promise<Opened> {
  const settings = { ...given, params: Object.values(snapshotOf({ ...given.params }) as object) }
  const { keyspace, table, hosts, port, request_timeout_ms: timeout_ms } = settings
  return traceEach(
    channels.open,
    (): OpenContext => ({ keyspace, table, hosts, port }),
    () =>
      openInTime(settings, signal, async connection => {
        const { client } = connection
        const source = { client, keyspace, table, timeout_ms, signal, use: 'read' } as const
        const schema = await readTable(source, isEnough)
        const server = await describeServer(client, timeout_ms, signal)
        signal.throwIfAborted()
        return use({ connection, schema, server, settings })
      }),
  )
}

/** Tokens of all nodes, by the driver's metadata. */
export function tokensOf({ client }: Connection): bigint[] {
  // The driver gives a Set if the client's `encoding` asks for Sets.
  const tokens = client.hosts.values().flatMap(({ tokens }) => [...(tokens ?? [])])
  return tokens.map(token => BigInt(String(token)))
}

async function describeServer(client: Client, timeout_ms: number, signal: AbortSignal): Promise<Server> {
  const cql = 'SELECT partitioner, cluster_name, release_version FROM system.local'
  const ask = (limit_ms: number) => client.execute(cql, [], { ...readOptions(limit_ms), prepare: false })
  const { rows } = await answerWithin(timeout_ms, ask, signal)
  const partitioner = String(rows[0]?.['partitioner'])
  const version = Number.parseInt(String(rows[0]?.['release_version']), 10)
  if (partitioner.endsWith(MURMUR3)) return { cluster: String(rows[0]?.['cluster_name']), version }
  const text = `A cluster with ${partitioner} cannot be read in ranges, only one with ${MURMUR3}`
  throw new ReadError('ERR_CASSANDRA_READ', text)
}
