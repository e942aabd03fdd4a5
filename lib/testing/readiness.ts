import { connect as connectTcp } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientOptions, policies, types } from 'cassandra-driver'

/** How to reach one node with the driver. */
export interface Access {
  readonly address: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly ca?: string
}

const POLL_MS = 100

/** Shorter than the server's own 5 seconds for a replica that it does not yet know to be gone. */
const READ_TIMEOUT_MS = 2_000

/** Waits until something listens on the port. Rejects only by the signal. */
export async function waitForPort({ address, port }: Access, signal: AbortSignal): Promise<void> {
  while (!(await isListening(address, port))) await delay(POLL_MS, undefined, { signal })
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connectTcp({ host, port })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/**
 * Waits until the node can be logged in to, agrees on the schema with its peers, and gets an answer from as many
 * replicas as there are running nodes.
 * @returns the name of its data center.
 */
export async function waitUntilReady(access: Access, running: number, signal: AbortSignal): Promise<string> {
  let failure: unknown
  while (!signal.aborted) {
    try {
      return await check(access, running)
    } catch (error) {
      failure = error
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => {})
  }
  throw new Error(`${access.address}:${access.port} did not become ready`, { cause: failure })
}

async function check(access: Access, running: number): Promise<string> {
  const client = new Client(clientOptions(access))
  try {
    await client.connect()
    const { rows } = await client.execute('SELECT data_center, schema_version FROM system.local')
    const local = rows[0]
    if (local === undefined) throw new Error('system.local is empty')
    if (running > 1) await checkPeers(client, String(local['schema_version']), running)
    return String(local['data_center'])
  } finally {
    await client.shutdown().catch(() => {})
  }
}

async function checkPeers(client: Client, version: string, running: number): Promise<void> {
  const { rows } = await client.execute('SELECT schema_version FROM system.peers')
  const agreeing = rows.filter(row => String(row['schema_version']) === version).length + 1
  if (agreeing < running) throw new Error(`${agreeing} of ${running} nodes agree on the schema`)
  // This keyspace has a replica on every node, so the answer takes part of each node that runs.
  const consistency = running === 2 ? types.consistencies.two : types.consistencies.three
  await client.execute('SELECT * FROM system_distributed.view_build_status', [], { consistency })
}

/** Options for a driver client that talks to this node alone, whichever data center it is in. */
export function clientOptions({ address, port, username, password, ca }: Access): ClientOptions {
  const onlyThis = [`${address}:${port}`]
  return {
    contactPoints: onlyThis,
    socketOptions: { readTimeout: READ_TIMEOUT_MS },
    protocolOptions: { port },
    policies: {
      loadBalancing: new policies.loadBalancing.AllowListPolicy(
        new policies.loadBalancing.RoundRobinPolicy(),
        onlyThis,
      ),
      reconnection: new policies.reconnection.ConstantReconnectionPolicy(POLL_MS),
    },
    ...(username === undefined || password === undefined ? {} : { credentials: { username, password } }),
    ...(ca === undefined ? {} : { sslOptions: { ca: [ca], rejectUnauthorized: true } }),
  }
}
