import type { Cassandra } from './cassandra.ts'
import { CassandraStartError } from './error.ts'
import { waitUntilReady } from './readiness.ts'

const DEFAULT_PORT = 9042

/** Longest time in milliseconds for the server to answer. It should be running. */
const CONNECT_TIMEOUT_MS = 30_000

/**
 * Uses the server that `CASSANDRA_CONTACT_POINTS` names. `stop()` leaves it running.
 * @throws CassandraStartError when none answers.
 */
export async function useEnvironment(variable: string): Promise<Cassandra> {
  const contactPoints = readContactPoints(variable)
  const access = contactPoints.map(splitPort)[0]
  if (access === undefined) throw new CassandraStartError('CASSANDRA_CONTACT_POINTS names no address')
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS)
  const localDataCenter = await waitUntilReady(access, [], signal).catch(error => {
    const named = `CASSANDRA_CONTACT_POINTS names ${contactPoints.join(', ')}`
    throw new CassandraStartError(`${named}, but no Cassandra answers at the first`, { cause: error })
  })
  return {
    contactPoints,
    localDataCenter,
    port: access.port,
    source: 'environment',
    stop: async () => {},
    [Symbol.asyncDispose]: async () => {},
    kill: notOurs,
    pause: notOurs,
    resume: notOurs,
    start: notOurs,
  }
}

/** `a, b:9043` as `['a:9042', 'b:9043']`. */
export function readContactPoints(variable: string): string[] {
  const points = variable.split(',').map(point => point.trim())
  return points.filter(Boolean).map(point => {
    const { address, port } = splitPort(point)
    return `${address}:${port}`
  })
}

function splitPort(point: string): { address: string; port: number } {
  const [, address, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(point) ?? []
  if (!address) {
    throw new CassandraStartError(
      `Expected CASSANDRA_CONTACT_POINTS to be a list like 127.0.0.1:9042,[::1]:9042, got ${point}`,
    )
  }
  return { address, port: port === undefined ? DEFAULT_PORT : Number(port) }
}

function notOurs(): Promise<never> {
  return Promise.reject(
    new CassandraStartError(
      'A Cassandra from CASSANDRA_CONTACT_POINTS cannot be killed, paused, resumed or started here. ' +
        'To get one that can, unset the variable',
    ),
  )
}
