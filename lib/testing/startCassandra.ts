import { env } from 'node:process'
import type { Cassandra, StartOptions } from './cassandra.ts'
import { choose, isGiven, isPlain, type Surroundings, usableJava, type Wanted } from './choose.ts'
import { ADDRESSES, startCluster } from './cluster.ts'
import { dockerAnswers, hasTestcontainers, startContainer } from './docker.ts'
import { useEnvironment } from './environment.ts'
import { CassandraStartError } from './error.ts'
import { areJarsIn, fetchJars, jarFolder } from './jars.ts'
import { findJava, findOnPath } from './java.ts'

/**
 * Starts a real Cassandra 5 for tests, demos and benchmarks. It comes from the first of these that is available:
 *
 * 1. the variable `CASSANDRA_CONTACT_POINTS`, a comma-separated list of `address` or `address:port`, for one plain
 *    node (`nodes: 1`, no other option). The server is used as it is, and `stop()` leaves it running;
 * 2. Docker with the package `testcontainers`, for one plain node: image `cassandra:5`;
 * 3. Java 17 (or 11) and Maven. The first start fetches 66 MB into `$XDG_CACHE_HOME` (`~/.cache`), later ones reuse
 *    them. One node starts in 5 to 10 seconds with a heap of 1 GB, three nodes in about 20 seconds with 768 MB each.
 *
 * Ports are 9042 and 7000 if they are free, else others, so several servers can run at the same time. Data are in a
 * temporary folder. When your process ends, in whatever way, the servers end and the folder is removed. A running server
 * does not keep your process alive.
 *
 * @throws CassandraStartError (code `ERR_CASSANDRA_START`) when none of the three is available; the message says what to
 * install. Also when the server does not answer within 300 seconds; the message has the end of its log.
 * @throws RangeError when `nodes` is not 1, 2 or 3.
 *
 * @example
 * await using cassandra = await startCassandra()
 * const client = new Client({ contactPoints: cassandra.contactPoints, localDataCenter: cassandra.localDataCenter })
 */
export async function startCassandra(options: StartOptions = {}): Promise<Cassandra> {
  const { nodes = 1, auth = false, tls = false, durable = false } = options
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > ADDRESSES.length) {
    throw new RangeError(`Expected \`nodes\` to be 1, 2 or 3, got ${nodes}`)
  }
  const wanted = { nodes, auth, tls, durable }
  const around = await lookAround(wanted)
  switch (choose(wanted, around)) {
    case 'environment':
      return await useEnvironment(around.contactPoints ?? '')
    case 'docker':
      return await startContainer()
    case 'maven':
      return await startFromJars(wanted, around)
  }
}

async function lookAround(wanted: Wanted): Promise<Surroundings> {
  const contactPoints = env['CASSANDRA_CONTACT_POINTS']
  const plain = isPlain(wanted)
  // `java -version` takes a tenth of a second, so it runs only if it is needed.
  const given = plain && isGiven(contactPoints)
  const testcontainers = plain && hasTestcontainers()
  const docker = plain && !given && (await dockerAnswers())
  const needsJava = !given && !(docker && testcontainers)
  return {
    contactPoints,
    docker,
    testcontainers,
    java: needsJava ? await findJava() : [],
    maven: needsJava && (await findOnPath('mvn')) !== undefined,
    jarsCached: needsJava && (await areJarsIn(await jarFolder())),
  }
}

async function startFromJars(wanted: Wanted, around: Surroundings): Promise<Cassandra> {
  const java = usableJava(around.java)
  if (java === undefined) throw new CassandraStartError('Expected to find Java')
  const jars = await jarFolder()
  if (!around.jarsCached) await fetchJars(jars)
  return await startCluster({ ...wanted, java: java.command, jars })
}
