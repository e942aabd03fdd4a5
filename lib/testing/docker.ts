import { request } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Cassandra } from './cassandra.ts'
import { CassandraStartError } from './error.ts'
import { loadPackage } from './package.ts'
import { reservePorts } from './ports.ts'
import { waitUntilReady } from './readiness.ts'

const IMAGE = 'cassandra:5'

/** Longest time in milliseconds for an engine to answer a ping. */
const PING_TIMEOUT_MS = 1_000

/** Longest time in milliseconds for a start, including the download of the image. */
const START_TIMEOUT_MS = 300_000

const ENVIRONMENT = {
  MAX_HEAP_SIZE: '1024M',
  HEAP_NEWSIZE: '256M',
  JVM_EXTRA_OPTS: '-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=100',
}

/** True when a Docker engine answers at `DOCKER_HOST` or at a usual socket. */
export async function dockerAnswers(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const answers = await Promise.all(engines(env).map(ping))
  return answers.includes(true)
}

/** Where an engine may listen: a socket file, or a host and port. */
export type Engine = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** `DOCKER_HOST` if it is set, else the sockets that testcontainers tries. */
export function engines(env: NodeJS.ProcessEnv): Engine[] {
  const host = env['DOCKER_HOST']
  if (host) return readDockerHost(host)
  const runtime = env['XDG_RUNTIME_DIR']
  const sockets = [
    '/var/run/docker.sock',
    ...(runtime ? [join(runtime, 'docker.sock')] : []),
    join(homedir(), '.docker', 'run', 'docker.sock'),
    join(homedir(), '.docker', 'desktop', 'docker.sock'),
  ]
  return sockets.map(socketPath => ({ socketPath }))
}

function readDockerHost(host: string): Engine[] {
  const url = URL.canParse(host) ? new URL(host) : undefined
  if (url?.protocol === 'unix:') return [{ socketPath: url.pathname }]
  if (url?.protocol === 'tcp:' || url?.protocol === 'http:' || url?.protocol === 'https:') {
    return [{ host: url.hostname, port: Number(url.port || 2375) }]
  }
  return []
}

/** Sends a request to an engine on a Unix socket. An engine on TCP may need TLS, so a connection to it is enough. */
function ping(engine: Engine): Promise<boolean> {
  return new Promise(resolve => {
    const connection =
      'host' in engine
        ? connect(engine).once('connect', () => finish(true))
        : request({ ...engine, path: '/_ping', agent: false }, answer =>
            finish(answer.statusCode === 200),
          ).end()
    connection.setTimeout(PING_TIMEOUT_MS, () => finish(false))
    connection.once('error', () => finish(false))
    function finish(answers: boolean): void {
      resolve(answers)
      connection.destroy()
    }
  })
}

/** True when the package testcontainers can be loaded. */
export function hasTestcontainers(): boolean {
  try {
    createRequire(import.meta.url).resolve('testcontainers')
    return true
  } catch {
    return false
  }
}

/** Starts one plain node in a container, which testcontainers removes when this process ends. */
export async function startContainer(): Promise<Cassandra> {
  const { GenericContainer, getContainerRuntimeClient } =
    await loadPackage<typeof import('testcontainers')>('testcontainers')
  // A fixed port, because Docker would give another one after `kill` and `start`.
  const ports = await reservePorts(['127.0.0.1'])
  const port = ports.native
  const started = await new GenericContainer(IMAGE)
    .withEnvironment(ENVIRONMENT)
    .withExposedPorts({ container: 9042, host: port })
    .withStartupTimeout(START_TIMEOUT_MS)
    .start()
    .catch(error => {
      throw new CassandraStartError(`Docker could not start ${IMAGE}: ${error}`, { cause: error })
    })
    .finally(ports.release)
  const address = started.getHost()
  const engine = await getContainerRuntimeClient()
  const container = engine.container.getById(started.getId())
  const ready = () => waitUntilReady({ address, port }, [], AbortSignal.timeout(START_TIMEOUT_MS))
  const localDataCenter = await ready().catch(async error => {
    await started.stop()
    throw new CassandraStartError(`${IMAGE} did not answer at ${address}:${port}`, { cause: error })
  })
  let stopped: Promise<unknown> | undefined
  const stop = async () => {
    stopped ??= started.stop()
    await stopped
  }
  const when = async (n: number, act: () => Promise<unknown>) => {
    if (stopped !== undefined) throw new CassandraStartError('This Cassandra was stopped')
    if (n !== 1) throw new RangeError(`Expected a node from 1 to 1, got ${n}`)
    await act().catch(error => {
      throw new CassandraStartError(`Docker refused: ${error}`, { cause: error })
    })
  }
  const state = async () => (await container.inspect()).State
  return {
    contactPoints: [`${address}:${port}`],
    localDataCenter,
    port,
    source: 'docker',
    stop,
    [Symbol.asyncDispose]: stop,
    kill: n => when(n, async () => (await state()).Running && container.kill()),
    pause: n => when(n, () => container.pause()),
    resume: n => when(n, async () => (await state()).Paused && container.unpause().then(ready)),
    start: n => when(n, () => container.start().then(ready)),
  }
}
