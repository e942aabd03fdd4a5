import type { Source } from './cassandra.ts'
import { CassandraStartError } from './error.ts'
import type { JavaFound } from './java.ts'

/** Everything the choice of a server depends on. */
export interface Surroundings {
  /** `CASSANDRA_CONTACT_POINTS`. */
  readonly contactPoints: string | undefined
  /** A Docker engine answered. */
  readonly docker: boolean
  /** The package `testcontainers` is installed. */
  readonly testcontainers: boolean
  /** What each `java` that was found says of itself. */
  readonly java: readonly JavaFound[]
  /** `mvn` is on the PATH. */
  readonly maven: boolean
  /** An earlier start has left Cassandra's jars in the cache, so Maven is not needed. */
  readonly jarsCached: boolean
}

/** What is asked for, with the defaults filled in. */
export interface Wanted {
  readonly nodes: number
  readonly auth: boolean
  readonly tls: boolean | 'mutual'
  readonly durable: boolean
}

/** Java versions that Cassandra 5.0 runs on. */
const JAVA_VERSIONS: readonly number[] = [17, 11]

/**
 * Where to take a server from: the environment, Docker, Java with Maven, in this order. The first two give one plain
 * node, so everything else comes from Java.
 * @throws CassandraStartError naming what to install when there is nothing to take.
 */
export function choose(wanted: Wanted, around: Surroundings): Source {
  const plain = isPlain(wanted)
  if (plain && isGiven(around.contactPoints)) return 'environment'
  if (plain && around.docker && around.testcontainers) return 'docker'
  if (usableJava(around.java) !== undefined && (around.maven || around.jarsCached)) return 'maven'
  throw new CassandraStartError(explain(plain, around))
}

/** True when any Cassandra will do. */
export function isPlain(wanted: Wanted): boolean {
  return wanted.nodes === 1 && !wanted.auth && !wanted.tls && !wanted.durable
}

/** True when the variable names at least one contact point. */
export function isGiven(contactPoints: string | undefined): contactPoints is string {
  return contactPoints !== undefined && contactPoints.trim() !== ''
}

/** The first Java that can run Cassandra. */
export function usableJava(found: readonly JavaFound[]): JavaFound | undefined {
  return found.find(java => java.major !== undefined && JAVA_VERSIONS.includes(java.major))
}

function explain(plain: boolean, around: Surroundings): string {
  const choices = plain ? [environmentChoice, dockerChoice(around), javaChoice(around)] : [javaChoice(around)]
  const lead = plain
    ? 'Found no way to start a Cassandra. Do one of these:'
    : 'Several nodes, `auth`, `tls` and `durable` are started with Java and Maven, which cannot be used here:'
  return [lead, ...choices.map(choice => `  - ${choice}`)].join('\n')
}

const environmentChoice =
  'set CASSANDRA_CONTACT_POINTS to a Cassandra of yours, for example CASSANDRA_CONTACT_POINTS=127.0.0.1:9042'

function dockerChoice({ docker, testcontainers }: Surroundings): string {
  const install = '`npm install --save-dev testcontainers`'
  if (docker) return `run ${install} (a Docker engine answers, the package is missing)`
  const engine = 'start a Docker engine (none answers at DOCKER_HOST or its usual sockets)'
  return testcontainers ? engine : `${engine} and run ${install}`
}

function javaChoice({ java, maven, jarsCached }: Surroundings): string {
  const missing = []
  if (usableJava(java) === undefined) {
    const found = java.map(({ command, says }) => `${command} is ${says}`).join('; ')
    missing.push(
      `install Java 17 (or 11) and put it on the PATH or in JAVA_HOME (${found || 'no java was found'})`,
    )
  }
  if (!maven && !jarsCached) missing.push('install Maven 3.6 or later (no `mvn` on the PATH)')
  return missing.join(' and ')
}
