import type { Source } from './cassandra.ts'
import { CassandraStartError } from './error.ts'
import type { JavaFound } from './java.ts'

/** What the choice of a server depends on. */
export interface Surroundings {
  /** `CASSANDRA_CONTACT_POINTS`. */
  readonly contactPoints: string | undefined
  /** Whether a Docker engine answers. */
  readonly docker: boolean
  /** Whether the package `testcontainers` is installed. */
  readonly testcontainers: boolean
  /** Every `java` that was found, with its version. */
  readonly java: readonly JavaFound[]
  /** Whether `mvn` is on the PATH. */
  readonly maven: boolean
  /** Whether Cassandra's jars are in the cache since an earlier start. Maven is then not needed. */
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
 * Chooses where a server comes from: the environment, Docker, or Java with Maven, in this order. The first two provide one plain
 * node only. Everything else needs Java with Maven.
 * @throws CassandraStartError that says what to install, if none of them can be used.
 */
export function choose(wanted: Wanted, around: Surroundings): Source {
  const plain = isPlain(wanted)
  if (plain && isGiven(around.contactPoints)) return 'environment'
  if (plain && around.docker && around.testcontainers) return 'docker'
  if (usableJava(around.java) !== undefined && (around.maven || around.jarsCached)) return 'maven'
  throw new CassandraStartError(explain(plain, around))
}

/** True for one node without special options. Any Cassandra will do then. */
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
    : 'Several nodes, `auth`, `tls` and `durable` need Java and Maven. Do this:'
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
