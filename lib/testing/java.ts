import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** A `java` command and its version. */
export interface JavaFound {
  /** Full path. */
  readonly command: string
  /** Major version. Undefined if the command does not tell it. */
  readonly major: number | undefined
  /** The complete version, for messages, for example `17.0.15`. */
  readonly says: string
}

/** Finds the Java of `JAVA_HOME`, then that of the PATH. Empty if there is neither. */
export async function findJava(env: NodeJS.ProcessEnv = process.env): Promise<JavaFound[]> {
  const home = env['JAVA_HOME']
  const commands = home === undefined || home === '' ? [] : [join(home, 'bin', 'java')]
  const onPath = await findOnPath('java', env)
  if (onPath !== undefined && !commands.includes(onPath)) commands.push(onPath)
  return await Promise.all(commands.map(askVersion))
}

/** Full path of the first executable of this name on the PATH. */
export async function findOnPath(
  name: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name)
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (executable) return path
  }
  return undefined
}

function askVersion(command: string): Promise<JavaFound> {
  return new Promise(resolve => {
    execFile(command, ['-version'], { timeout: 10_000 }, (error, stdout, stderr) => {
      const major = error === null ? readMajor(stderr + stdout) : undefined
      resolve({ command, ...(major ?? { major: undefined, says: 'not usable' }) })
    })
  })
}

/** Reads the output of `java -version`: `"17.0.15"` is 17, `"1.8.0_402"` is 8. */
export function readMajor(output: string): { major: number; says: string } | undefined {
  const says = /version "([^"]+)"/.exec(output)?.[1]
  const parts = /^(\d+)(?:\.(\d+))?/.exec(says ?? '')
  if (says === undefined || parts === null) return undefined
  return { major: Number(parts[1] === '1' ? parts[2] : parts[1]), says }
}
