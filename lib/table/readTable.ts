import { setTimeout as delay } from 'node:timers/promises'
import type { Client, Host } from 'cassandra-driver'
import { ReadError, SchemaError, WriteError } from '../errors.ts'
import { isError } from '../realm.ts'
import type { StoredTable } from './schema.ts'
import { describeTable, type SelectSystem, selectFrom } from './systemSchema.ts'

/** Milliseconds that one node may take to describe a table. They double when as many attempts as there are nodes took longer. */
const FIRST_PATIENCE_MS = 2_000

/** Milliseconds between two looks at nodes that do not agree yet. */
const PAUSE_MS = 100

/**
 * Milliseconds in which nodes may come to agree on the schema, for those that can go on without. During an upgrade of a cluster they
 * may disagree for hours.
 */
export const AGREEMENT_MS = 2_000

/** Which table to read, from where, and for how long. */
export interface TableSource {
  readonly client: Client
  readonly keyspace: string
  readonly table: string
  readonly timeout_ms: number
  readonly signal: AbortSignal
  /** What the table is described for. */
  readonly use?: 'read' | 'write'
}

/**
 * Reads a table as the cluster has it. A node may lag behind the others, because it was paused or the change is new. A
 * description that is not enough therefore counts only when all nodes agree on the schema. Otherwise the next node is
 * asked until the time is over, and then the last answer counts.
 *
 * @param isEnough whether a description can be used at once
 * @param known returned if no node has changed its schema since then
 * @throws SchemaError when there is no such table; the driver's error when no node answers.
 */
export async function readTable(
  { client, keyspace, table, timeout_ms, signal, use = 'write' }: TableSource,
  isEnough: (found: StoredTable) => boolean = () => true,
  known?: StoredTable,
): Promise<StoredTable> {
  const deadline = performance.now() + timeout_ms
  let late = 0
  for (let attempt = 0; ; attempt++) {
    const hosts = client.getState().getConnectedHosts()
    const round = Math.floor(late / Math.max(1, hosts.length))
    const begun = performance.now()
    const left = deadline - begun
    const patience = Math.max(1, Math.ceil(Math.min(left, FIRST_PATIENCE_MS * 2 ** round)))
    const isLast = () => performance.now() + PAUSE_MS >= deadline
    try {
      const select = selectFrom(client, hosts[attempt % hosts.length], patience)
      const { found, isAgreed } = await readFrom(client, select, keyspace, table, known)
      const isFinal = isAgreed || isLast()
      if (found instanceof SchemaError) {
        if (isFinal) throw found
      } else if (isFinal || isEnough(found)) return found
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SchemaError) throw error
      if (isForbidden(error)) throw forbidden(error, use)
      if (isLast() || isShutDown(error)) throw error
      if (performance.now() - begun >= patience) late++
    }
    await delay(PAUSE_MS, undefined, { signal })
  }
}

interface Reading {
  readonly found: StoredTable | SchemaError
  /** Whether all nodes have the schema that was read, and it did not change during the read. */
  readonly isAgreed: boolean
}

async function readFrom(
  client: Client,
  select: SelectSystem,
  keyspace: string,
  table: string,
  known: StoredTable | undefined,
): Promise<Reading> {
  const before = await versionsOf(client, select)
  if (known?.version !== undefined && before.agreed === known.version) return { found: known, isAgreed: true }
  const found = await describeTable(select, keyspace, table).catch((error: unknown) => {
    if (error instanceof SchemaError) return error
    throw error
  })
  const after = await versionsOf(client, select)
  const isAgreed = after.agreed !== undefined && after.agreed === before.own
  // If the node gives no version, a later change could not be noticed by it.
  const version = isAgreed && after.isNamed ? after.agreed : undefined
  return { found: found instanceof SchemaError ? found : { ...found, version }, isAgreed }
}

interface Versions {
  /** Version of the node that is asked. */
  readonly own: string
  /** Whether that node names a version at all. */
  readonly isNamed: boolean
  /** Version of all nodes that are up. Undefined if they differ. */
  readonly agreed: string | undefined
}

async function versionsOf(client: Client, select: SelectSystem): Promise<Versions> {
  const [local, peers] = await Promise.all([
    select('SELECT schema_version FROM system.local'),
    select('SELECT rpc_address, schema_version FROM system.peers'),
  ])
  const named = local[0]?.['schema_version'] ?? undefined
  const own = String(named)
  const down = client.hosts.values().filter(host => !host.isUp())
  const others = peers.filter(peer => !down.some(host => isAt(host, peer['rpc_address'])))
  const isAgreed = others.every(peer => String(peer['schema_version']) === own)
  return { own, isNamed: named !== undefined, agreed: isAgreed ? own : undefined }
}

function isAt(host: Host, address: unknown): boolean {
  return host.address.slice(0, host.address.lastIndexOf(':')) === String(address)
}

/** The caller shut its client down, so no other answer will come. */
function isShutDown(error: unknown): boolean {
  return isError(error) && error.message.includes('after shutdown')
}

function isForbidden(error: unknown): boolean {
  return (error as { readonly code?: unknown } | undefined)?.code === 0x2100
}

function forbidden(cause: unknown, use: 'read' | 'write'): ReadError | WriteError {
  const { message } = cause as Error
  const text = `The role may not read the schema, which is needed to ${use} rows: grant it SELECT on \`system_schema\`. ${message}`
  const Kind = use === 'read' ? ReadError : WriteError
  return new Kind('ERR_CASSANDRA_UNAUTHORIZED', text, { cause })
}
