import { cp, mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cassandra } from './cassandra.ts'
import { type Certificates, makeCertificates } from './certificates.ts'
import type { Wanted } from './choose.ts'
import { logFiles, tokensOf, type Yaml } from './config.ts'
import { CassandraStartError } from './error.ts'
import { removeAtEnd } from './guard.ts'
import { javaCommand, type Properties } from './jvm.ts'
import { CassandraNode } from './node.ts'
import { type Ports, reservePorts } from './ports.ts'
import { waitUntilReady } from './readiness.ts'

/** Addresses of the nodes. All use the same port, because the driver assumes that of the first node for the others. */
export const ADDRESSES: readonly string[] = ['127.0.0.1', '127.0.0.2', '127.0.0.3']

/** Longest time in milliseconds for the start of all nodes. Three nodes took 141 s on two cores with a load average of 37. */
const START_TIMEOUT_MS = 300_000

/**
 * Milliseconds from a call of `kill` to the signal. Cassandra replays its commit log up to the last marker, and writes a marker
 * every 100 ms. The rest is a margin for a busy machine.
 */
const COMMIT_LOG_LAG_MS = 300

/** Heap of a node that is alone, and of each of several nodes. */
const HEAP_MEGABYTES = { alone: 1024, several: 768 }

/** User name and password of Cassandra's first superuser. */
const LOGIN = { username: 'cassandra', password: 'cassandra' }

/** What a cluster of JVMs is started with. */
export interface ClusterSettings extends Wanted {
  readonly java: string
  readonly jars: string
  /** Overrides settings in every node's `cassandra.yaml`. For specs. */
  readonly yaml?: Yaml
  /** Overrides system properties of every JVM. For specs. */
  readonly properties?: Properties
  /** Number of tokens per node, which are spread evenly, or the tokens of each node. 16 per node if undefined. For specs. */
  readonly tokens?: number | readonly (readonly bigint[])[]
}

/**
 * Starts the nodes as child processes, all at the same time, and waits until they answer.
 * @throws CassandraStartError with the end of the logs of every node.
 */
export async function startCluster(settings: ClusterSettings): Promise<Cassandra> {
  const addresses = ADDRESSES.slice(0, settings.nodes)
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'cassandra-streams-'))
  const removeFolder = removeAtEnd(folder)
  let nodes: CassandraNode[] = []
  let ports: Ports | undefined
  const stop = async () => {
    await Promise.all(nodes.map(node => node.kill()))
    // Kept until now, because another server could take the ports while a node is down.
    ports?.release()
    await removeFolder()
  }
  try {
    const certificates = settings.tls
      ? await makeCertificates(ADDRESSES, settings.tls === 'mutual')
      : undefined
    ports = await reservePorts(addresses)
    nodes = await createNodes({ settings, addresses, folder, ports, certificates })
    const localDataCenter = await startNodes(nodes, nodes)
    return {
      contactPoints: addresses.map(address => `${address}:${ports?.native}`),
      localDataCenter,
      port: ports.native,
      ...(settings.auth ? LOGIN : {}),
      ...shownToClients(certificates),
      logs: nodes.map(node => logFiles(node.folder).system),
      source: 'maven',
      ...controls(nodes, stop, settings.durable ? 0 : COMMIT_LOG_LAG_MS),
    }
  } catch (error) {
    const explained = await explain('Cassandra did not start', error, nodes)
    await stop()
    throw explained
  }
}

interface NodePlan {
  readonly settings: ClusterSettings
  readonly addresses: readonly string[]
  readonly folder: string
  readonly ports: Ports
  readonly certificates: Certificates | undefined
}

async function createNodes(plan: NodePlan): Promise<CassandraNode[]> {
  const { settings, addresses, ports, certificates } = plan
  const tls = certificates && (await writeCertificates(plan.folder, certificates))
  const { tokens } = settings
  return await Promise.all(
    addresses.map((address, index) => {
      const folder = join(plan.folder, `node${index + 1}`)
      const node = {
        folder,
        address,
        // Every node is a seed, so that none has to wait for another.
        seeds: addresses,
        nativePort: ports.native,
        storagePort: ports.storage,
        tokens:
          typeof tokens === 'object' ? (tokens[index] ?? []) : tokensOf(index, addresses.length, tokens),
        auth: settings.auth,
        durable: settings.durable,
        ...(tls === undefined ? {} : { tls }),
      }
      const access = {
        address,
        port: ports.native,
        ...(settings.auth ? LOGIN : {}),
        ...shownToClients(certificates),
      }
      const heapMegabytes = addresses.length === 1 ? HEAP_MEGABYTES.alone : HEAP_MEGABYTES.several
      const command = javaCommand({ ...settings, folder, heapMegabytes })
      return CassandraNode.create(node, access, command, settings.yaml)
    }),
  )
}

/** What a client needs of the certificates. */
function shownToClients(certificates: Certificates | undefined) {
  if (certificates === undefined) return {}
  const { ca, client } = certificates
  return { ca, ...(client !== undefined && { clientCert: client.certificate, clientKey: client.key }) }
}

async function writeCertificates(folder: string, { key, certificate, ca, client }: Certificates) {
  const files = { keyAndCertificate: join(folder, 'node.pem'), ca: join(folder, 'ca.pem') }
  await writeFile(files.keyAndCertificate, key + certificate, { mode: 0o600 })
  await writeFile(files.ca, ca)
  return { ...files, isMutual: client !== undefined }
}

/** Starts some nodes of a cluster. Resolves to the name of the data center when all running nodes are ready. */
async function startNodes(
  starting: readonly CassandraNode[],
  all: readonly CassandraNode[],
): Promise<string> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS)
  await Promise.all(starting.map(node => node.start(signal)))
  return await untilReady(all, signal)
}

/** Resolves to the name of the data center when all running nodes answer, agree on the schema and see each other as up. */
async function untilReady(all: readonly CassandraNode[], signal: AbortSignal): Promise<string> {
  const answering = all.filter(node => node.isAnswering)
  const addresses = answering.map(node => node.access.address)
  const dataCenters = await Promise.all(
    answering.map(node => {
      const peers = addresses.filter(address => address !== node.access.address)
      return node.whileRunning(signal, running => waitUntilReady(node.access, peers, running))
    }),
  )
  return dataCenters[0] ?? ''
}

function controls(nodes: readonly CassandraNode[], end: () => Promise<void>, commitLogLagMs: number) {
  let stopped: Promise<void> | undefined
  const node = (n: number): CassandraNode => {
    if (stopped !== undefined) throw new CassandraStartError('This Cassandra was stopped')
    const found = nodes[n - 1]
    if (found === undefined) throw new RangeError(`Expected a node from 1 to ${nodes.length}, got ${n}`)
    return found
  }
  const stop = () => {
    stopped ??= end()
    return stopped
  }
  return {
    stop,
    [Symbol.asyncDispose]: stop,
    kill: async (n: number) => {
      const killed = node(n)
      if (killed.isAnswering) await delay(commitLogLagMs)
      await killed.kill()
    },
    pause: async (n: number) => node(n).pause(),
    resume: async (n: number) => {
      const resumed = node(n)
      if (!resumed.resume()) return
      try {
        await untilReady(nodes, AbortSignal.timeout(START_TIMEOUT_MS))
      } catch (error) {
        throw await explain('Cassandra did not resume', error, nodes)
      }
    },
    start: async (n: number) => {
      const starting = node(n)
      if (starting.isRunning) throw new CassandraStartError(`Node ${n} is running`)
      try {
        await startNodes([starting], nodes)
      } catch (error) {
        const explained = await explain('Cassandra did not start', error, nodes)
        await starting.kill()
        throw explained
      }
    },
  }
}

async function explain(
  what: string,
  error: unknown,
  nodes: readonly CassandraNode[],
): Promise<CassandraStartError> {
  const lines = [`${what}: ${reasons(error)}`]
  const logs = nodes.length === 0 ? undefined : await keepLogs(nodes)
  for (const node of nodes)
    lines.push(`--- end of the log of ${node.access.address} ---`, await node.logTail())
  if (logs !== undefined) lines.push(`--- the complete logs are in ${logs} ---`)
  return new CassandraStartError(lines.join('\n'), { cause: error })
}

function reasons(error: unknown): string {
  // Not by `instanceof`, because errors of Node are not of Jest's class.
  const { name, message, cause } = (error ?? {}) as Partial<Error>
  if (message === undefined) return String(error)
  if (name === 'TimeoutError') return `it took longer than ${START_TIMEOUT_MS / 1000} seconds`
  return cause === undefined ? message : `${message}: ${reasons(cause)}`
}

async function keepLogs(nodes: readonly CassandraNode[]): Promise<string> {
  const kept = await mkdtemp(join(await realpath(tmpdir()), 'cassandra-streams-logs-'))
  for (const { folder } of nodes) {
    const target = join(kept, basename(folder))
    await mkdir(target)
    for (const file of Object.values(logFiles(folder))) {
      await cp(file, join(target, basename(file))).catch(() => {})
    }
  }
  return kept
}
