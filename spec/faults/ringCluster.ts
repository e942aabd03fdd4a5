import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tokensOf, type Yaml } from '../../lib/testing/config.ts'
import { removeAtEnd } from '../../lib/testing/guard.ts'
import { areJarsIn, fetchJars, jarFolder } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'
import { javaCommand, type Properties } from '../../lib/testing/jvm.ts'
import { CassandraNode } from '../../lib/testing/node.ts'
import { reservePorts } from '../../lib/testing/ports.ts'
import { waitUntilReady } from '../../lib/testing/readiness.ts'
import { closedPort } from '../closedPort.ts'
import { jmxProperties, nodetoolFrom } from '../nodetool.ts'

const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3']

/** Longest time in milliseconds for one change of the ring on a busy machine. */
const CHANGE_MS = 400_000

/**
 * Milliseconds for which nodes ignore the address of a node that left the ring. A joining node that is silent for half of
 * this time is dropped.
 */
export const QUARANTINE_MS = 20_000

/** Override the properties of `startCassandra()`, whose rings do not change. */
const PROPERTIES = {
  // While tokens move, rows go to the old and the new replicas only if all nodes know of the move.
  'cassandra.ring_delay_ms': 3_000,
  'cassandra.gossip_quarantine_delay_ms': QUARANTINE_MS,
}

/** Three nodes with `nodetool`, of which one can join again without its data. */
export interface RingCluster extends AsyncDisposable {
  readonly contactPoints: readonly string[]
  readonly localDataCenter: string
  readonly port: number
  kill(n: number): Promise<void>
  /** Runs nodetool at node `n`. Resolves to its output. */
  nodetool(n: number, ...args: string[]): Promise<string>
  /** Starts node `n`, which has left the ring, as a new node. Resolves when it has its rows and all nodes answer. */
  join(n: number): Promise<void>
  /** Starts the dead node `n` as a new node with its tokens and without its rows. Resolves when all nodes answer. */
  replace(n: number): Promise<void>
}

interface Member {
  node: CassandraNode
  readonly create: (yaml: Yaml, properties: Properties) => Promise<CassandraNode>
  readonly jmxPort: number
}

export async function startRingCluster(): Promise<RingCluster> {
  const jars = await jarFolder()
  if (!(await areJarsIn(jars))) await fetchJars(jars)
  const [java = { command: 'java' }] = await findJava()
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'cassandra-streams-ring-'))
  const removeFolder = removeAtEnd(folder)
  const ports = await reservePorts(ADDRESSES)
  const members = await Promise.all(
    ADDRESSES.map(async (address, index): Promise<Member> => {
      const jmxPort = await closedPort()
      const own = join(folder, `node${index + 1}`)
      const settings = {
        folder: own,
        address,
        seeds: ADDRESSES,
        nativePort: ports.native,
        storagePort: ports.storage,
        tokens: tokensOf(index, ADDRESSES.length),
        auth: false,
        durable: true,
      }
      const create: Member['create'] = (yaml, properties) => {
        const command = javaCommand({
          java: java.command,
          jars,
          folder: own,
          heapMegabytes: 768,
          nodes: ADDRESSES.length,
          properties: { ...PROPERTIES, ...jmxProperties(jmxPort), ...properties },
        })
        return CassandraNode.create(settings, { address, port: ports.native }, command, yaml)
      }
      return { node: await create({}, {}), create, jmxPort }
    }),
  )
  const ready = async () => {
    const running = members.filter(({ node }) => node.isRunning).map(({ node }) => node)
    const names = await Promise.all(
      running.map(({ access }) => {
        const peers = running.map(peer => peer.access.address).filter(peer => peer !== access.address)
        return waitUntilReady(access, peers, AbortSignal.timeout(CHANGE_MS))
      }),
    )
    return names[0] ?? ''
  }
  const startEmpty = async (joining: Member, yaml: Yaml, properties: Properties) => {
    await joining.node.kill()
    await rm(joining.node.folder, { recursive: true })
    joining.node = await joining.create(yaml, properties)
    await joining.node.start(AbortSignal.timeout(CHANGE_MS))
    await ready()
  }
  const member = (n: number) => members[n - 1] as Member
  const stop = async () => {
    await Promise.all(members.map(({ node }) => node.kill()))
    ports.release()
    await removeFolder()
  }
  try {
    await Promise.all(members.map(({ node }) => node.start(AbortSignal.timeout(CHANGE_MS))))
    const localDataCenter = await ready()
    const nodetool = await nodetoolFrom({ java: java.command, jars, folder: join(folder, 'nodetool') })
    return {
      contactPoints: ADDRESSES.map(address => `${address}:${ports.native}`),
      localDataCenter,
      port: ports.native,
      kill: n => member(n).node.kill(),
      nodetool: (n, ...args) => nodetool(member(n).jmxPort, ...args),
      join: n => startEmpty(member(n), { ...noSeed(ports.storage), auto_bootstrap: true }, {}),
      replace: n =>
        startEmpty(member(n), noSeed(ports.storage), {
          'cassandra.replace_address_first_boot': ADDRESSES[n - 1],
          // No other node has the rows of the dead one.
          'cassandra.allow_unsafe_replace': true,
        }),
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    const tails = await Promise.all(members.map(({ node }) => node.logTail()))
    await stop()
    throw new Error(`The ring did not start:\n${tails.join('\n---\n')}`, { cause: error })
  }
}

/** For a node that joins the first two nodes. It must not be a seed, because a seed joins without taking rows over. */
function noSeed(port: number): Yaml {
  const seeds = ADDRESSES.slice(0, 2).map(address => `${address}:${port}`)
  return {
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: seeds.join(',') }],
      },
    ],
  }
}
