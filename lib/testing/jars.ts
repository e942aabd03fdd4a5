import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CassandraStartError } from './error.ts'

// The build copies it beside the bundle.
const POM = fileURLToPath(new URL('./pom.xml', import.meta.url))

/** Longest time in milliseconds for Maven to fetch 66 MB. */
const MAVEN_TIMEOUT_MS = 600_000

/**
 * The folder that Cassandra's jars are kept in, one for each version.
 * @param version that of pom.xml when undefined; specs try others.
 */
export async function jarFolder(env: NodeJS.ProcessEnv = process.env, version?: string): Promise<string> {
  version ??= /<cassandra\.version>([^<]+)</.exec(await readFile(POM, 'utf8'))?.[1]
  if (version === undefined) throw new CassandraStartError(`Expected a <cassandra.version> in ${POM}`)
  const cache = env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'cassandra-streams', `cassandra-${version}`)
}

/** True when the jars are in the folder. It appears all at once, so its presence is enough. */
export function areJarsIn(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  )
}

/**
 * Has Maven copy the jars into the folder. Processes that do so at the same time do not disturb each other.
 * @param version as of {@link jarFolder}
 * @throws CassandraStartError with the end of Maven's output.
 */
export async function fetchJars(folder: string, version?: string): Promise<void> {
  const unfinished = `${folder}.${randomUUID()}`
  await mkdir(dirname(folder), { recursive: true })
  try {
    await runMaven(unfinished, version)
    await rename(unfinished, folder).catch(async error => {
      // Another process was faster, and its jars are the same as ours.
      if (!(await areJarsIn(folder))) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

function runMaven(outputDirectory: string, version: string | undefined): Promise<void> {
  const which = version === undefined ? [] : [`-Dcassandra.version=${version}`]
  const goal = ['dependency:copy-dependencies', ...which, `-DoutputDirectory=${outputDirectory}`]
  const options = { timeout: MAVEN_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve, reject) => {
    execFile('mvn', ['-q', '-B', '-f', POM, ...goal], options, (error, stdout, stderr) => {
      if (error === null) return resolve()
      const output = (stdout + stderr).trim().split('\n').slice(-20).join('\n')
      const message = `Maven could not fetch Cassandra. The end of its output:\n${output || error.message}`
      reject(new CassandraStartError(message, { cause: error }))
    })
  })
}
