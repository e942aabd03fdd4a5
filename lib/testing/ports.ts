import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { CassandraStartError } from './error.ts'

/** The two ports of a server, the same on each of its addresses. */
interface PortPair {
  /** For clients. */
  readonly native: number
  /** For other nodes of Cassandra, or for Kafka's controller. */
  readonly storage: number
}

/** Ports that are reserved for one server. */
export interface Ports extends PortPair {
  /** Ends the reservation. */
  release(): void
}

/** Cassandra's default ports. */
const USUAL = { native: 9042, storage: 7000 }

/** Below the ranges that operating systems use for outgoing connections, which could take a port while a node is down. */
const RANDOM_PORTS = { from: 10_000, to: 30_000 }

const ATTEMPTS = 50

/**
 * Reserves ports that are free on all addresses: the usual ones if possible.
 *
 * The port `native + 2` stays open until `release`. It marks the other two as taken while no server listens on them: before the
 * server has started, and while a node is down. Every call checks it first, in this process and in others.
 */
export async function reservePorts(addresses: readonly string[], usual = USUAL): Promise<Ports> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { native, storage } = candidate(attempt, usual)
    const holder = await listen('127.0.0.1', native + 2)
    if (holder === undefined) continue
    if (await areFree(addresses, [native, storage])) return { native, storage, release: () => holder.close() }
    holder.close()
  }
  throw new CassandraStartError(`Found no free ports on ${addresses.join(', ')} in ${ATTEMPTS} attempts`)
}

function candidate(attempt: number, usual: PortPair): PortPair {
  if (attempt === 0) return usual
  // Each block has four ports: `native`, `storage`, the one that is held open, and an unused one.
  const block = randomInt(RANDOM_PORTS.from / 4, RANDOM_PORTS.to / 4) * 4
  return { native: attempt === 1 ? usual.native : block, storage: block + 1 }
}

async function areFree(addresses: readonly string[], ports: readonly number[]): Promise<boolean> {
  for (const address of addresses) {
    for (const port of ports) {
      const server = await listen(address, port)
      if (server === undefined) return false
      server.close()
      await once(server, 'close')
    }
  }
  return true
}

async function listen(host: string, port: number): Promise<Server | undefined> {
  const server = createServer()
  server.unref()
  try {
    server.listen({ host, port, exclusive: true })
    await once(server, 'listening')
    return server
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined
    const fix = code === 'EADDRNOTAVAIL' ? `; on macOS run \`sudo ifconfig lo0 alias ${host}\`` : ''
    throw new CassandraStartError(`Cannot listen on ${host}:${port}${fix}`, { cause: error })
  }
}
