import { connect as connectTcp } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientOptions, errors, policies, types } from 'cassandra-driver'

/** How the driver connects to one node. */
export interface Access {
  readonly address: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly ca?: string
  readonly clientCert?: string
  readonly clientKey?: string
}

const POLL_MS = 100

/** Longer than the server's own limit of 5 seconds. A busy node then gets no second request while it works on the first. */
const READ_TIMEOUT_MS = 10_000

/** Waits until something listens on the port. Rejects only when the signal is aborted. */
export async function waitForPort({ address, port }: Access, signal: AbortSignal): Promise<void> {
  while (!(await isListening(address, port))) {
    await delay(POLL_MS, undefined, { signal }).catch(() => {
      throw new Error(`nothing listens on ${address}:${port}`, { cause: signal.reason })
    })
  }
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
 * Waits until the node accepts the login, agrees on the schema with each peer, and answers a query for which it needs all of
 * them. Rejects only when the signal is aborted; the cause is then the last failure.
 * @param peers addresses of the other nodes that should answer.
 * @returns the name of its data center.
 */
export async function waitUntilReady(
  access: Access,
  peers: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  let failure: unknown
  while (!signal.aborted) {
    try {
      return await check(access, peers)
    } catch (error) {
      failure = reasonOf(error)
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => {})
  }
  throw new Error(`${access.address}:${access.port} did not become ready in time`, { cause: failure })
}

/** The error of the one host, from the driver's list of errors per host. */
function reasonOf(error: unknown): unknown {
  if (!(error instanceof errors.NoHostAvailableError)) return error
  return Object.values(error.innerErrors ?? {})[0] ?? new Error('the driver has no connection to it')
}

async function check(access: Access, peers: readonly string[]): Promise<string> {
  const client = new Client(clientOptions(access))
  try {
    await client.connect()
    const { rows } = await client.execute('SELECT data_center, schema_version FROM system.local')
    const local = rows[0]
    if (local === undefined) throw new Error('system.local is empty')
    if (peers.length > 0) await checkPeers(client, String(local['schema_version']), peers)
    return String(local['data_center'])
  } finally {
    await client.shutdown().catch(() => {})
  }
}

async function checkPeers(client: Client, version: string, peers: readonly string[]): Promise<void> {
  const { rows } = await client.execute('SELECT peer, schema_version FROM system.peers')
  const versions = new Map(rows.map(row => [String(row['peer']), String(row['schema_version'])]))
  for (const peer of peers) {
    if (!versions.has(peer)) throw new Error(`it does not know ${peer}`)
    if (versions.get(peer) !== version) throw new Error(`it does not agree on the schema with ${peer}`)
  }
  // This keyspace has a replica on every node, so all running nodes take part in the answer.
  const consistency = peers.length === 1 ? types.consistencies.two : types.consistencies.three
  await client.execute('SELECT * FROM system_distributed.view_build_status', [], { consistency })
}

/** Options for a driver client that talks to this node alone, whichever data center it is in. */
export function clientOptions(access: Access): ClientOptions {
  const { address, port, username, password, ca, clientCert, clientKey } = access
  const onlyThis = [`${address}:${port}`]
  return {
    contactPoints: onlyThis,
    socketOptions: { readTimeout: READ_TIMEOUT_MS },
    // By default, the driver tries two newer versions first. When the server refuses them, the driver may hang with TLS 1.3 and
    // a client certificate.
    protocolOptions: { port, maxVersion: types.protocolVersion.v4 },
    policies: {
      loadBalancing: new policies.loadBalancing.AllowListPolicy(
        new policies.loadBalancing.RoundRobinPolicy(),
        onlyThis,
      ),
      reconnection: new policies.reconnection.ConstantReconnectionPolicy(POLL_MS),
    },
    ...(username === undefined || password === undefined ? {} : { credentials: { username, password } }),
    ...(ca === undefined
      ? {}
      : {
          sslOptions: {
            ca: [ca],
            rejectUnauthorized: true,
            ...(clientCert !== undefined && { cert: clientCert }),
            ...(clientKey !== undefined && { key: clientKey }),
          },
        }),
  }
}
