import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CassandraStartError } from './error.ts'

/** A server that Maven can fetch. */
export interface Product {
  /** Used in the property of the version, such as `cassandra.version`, and in the name of the folder. */
  readonly name: 'cassandra' | 'kafka'
  /** Used in messages. */
  readonly title: string
  readonly pom: string
}

export const cassandraJars: Product = { name: 'cassandra', title: 'Cassandra', pom: pathOf('pom.xml') }

export const kafkaJars: Product = { name: 'kafka', title: 'Kafka', pom: pathOf('kafka-pom.xml') }

/** Longest time in milliseconds for Maven to fetch 66 MB. */
const MAVEN_TIMEOUT_MS = 600_000

/** The POMs are in the folder of this file, also in the built package. */
function pathOf(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url))
}

/**
 * The folder for the jars of a server. Each version has its own.
 * @param version the one in the POM if undefined. Only specs give others.
 */
export async function jarFolder(
  env: NodeJS.ProcessEnv = process.env,
  version?: string,
  { name, pom }: Product = cassandraJars,
): Promise<string> {
  version ??= new RegExp(`<${name}\\.version>([^<]+)<`).exec(await readFile(pom, 'utf8'))?.[1]
  if (version === undefined) throw new CassandraStartError(`Expected a <${name}.version> in ${pom}`)
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'cassandra-streams', `${name}-${version}`)
}

/** True when the jars are in the folder. The folder is renamed when it is complete, so it is enough that it exists. */
export function areJarsIn(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  )
}

/**
 * Lets Maven copy the jars into the folder. Several processes may do this at the same time.
 * @param version as for {@link jarFolder}
 * @throws CassandraStartError with the end of Maven's output.
 */
export async function fetchJars(
  folder: string,
  version?: string,
  product: Product = cassandraJars,
): Promise<void> {
  const unfinished = `${folder}.${randomUUID()}`
  await mkdir(dirname(folder), { recursive: true })
  try {
    await runMaven(unfinished, version, product)
    await rename(unfinished, folder).catch(async error => {
      // Another process has renamed its folder first. It has the same jars.
      if (!(await areJarsIn(folder))) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

function runMaven(
  outputDirectory: string,
  version: string | undefined,
  { name, title, pom }: Product,
): Promise<void> {
  const which = version === undefined ? [] : [`-D${name}.version=${version}`]
  const goal = ['dependency:copy-dependencies', ...which, `-DoutputDirectory=${outputDirectory}`]
  const options = { timeout: MAVEN_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    execFile('mvn', ['-q', '-B', '-f', pom, ...goal], options, (error, stdout, stderr) => {
      if (error === null) return resolve()
      const output = (stdout + stderr).trim().split('\n').slice(-20).join('\n')
      const message = `Maven could not fetch ${title}. The end of its output:\n${output || error.message}`
      reject(new CassandraStartError(message, { cause: error }))
    })
  })
}
