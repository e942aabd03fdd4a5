import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Runtime } from './runtimes.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const INSTALL = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

/**
 * The folder of packages that are downloaded once, into a cache beside Cassandra's jars. No install scripts run. `holds` is a
 * path in the folder that exists when it is complete.
 */
export async function installOnce(name: string, packages: readonly string[], holds: string): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'cassandra-streams')
  const folder = join(cache, name)
  const isComplete = () => exists(join(folder, 'node_modules', holds))
  if (await isComplete()) return folder
  const unfinished = `${folder}.${randomUUID()}`
  try {
    await mkdir(unfinished, { recursive: true })
    await writeFile(join(unfinished, 'package.json'), '{ "private": true }')
    await run('npm', [...INSTALL, ...packages], { cwd: unfinished })
    await rename(unfinished, folder).catch(async error => {
      // Another run was faster. Its files are the same.
      if (!(await isComplete())) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return folder
}

/** The path of a runtime's program. Its npm package contains the binary, 90 to 210 MB unpacked. */
export async function installRuntime(runtime: Runtime): Promise<string> {
  const { package: name, version, binary } = runtime
  const fetched = [`${name}@${version}`]
  const folder = await installOnce(`${name.replace('/', '-')}-${version}`, fetched, join(name, binary))
  return join(folder, 'node_modules', name, binary)
}

/** Builds and packs the package as for publishing. Returns the path of the file. */
export async function packPackage(into: string): Promise<string> {
  await run('npm', ['run', 'build'], { cwd: root })
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', into]
  const { stdout } = await run('npm', pack, { cwd: root })
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, { readonly filename: string }>)
  if (packed === undefined) throw new Error(`npm pack made no file: ${stdout}`)
  return join(into, packed.filename)
}

/** Version of a package that is installed in the repository. */
async function versionOf(name: string): Promise<string> {
  const text = await readFile(join(root, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}

/** Installs the packed package and others in an empty folder, like a user. Returns the names of all installed packages. */
export async function installPackage(folder: string, ...beside: string[]): Promise<string[]> {
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const others = await Promise.all(beside.map(async name => `${name}@${await versionOf(name)}`))
  const packed = await packPackage(folder)
  await run('npm', [...INSTALL, packed, ...others], { cwd: folder })
  const tree = await readFile(join(folder, 'node_modules/.package-lock.json'), 'utf8')
  const { packages } = JSON.parse(tree) as { readonly packages: Record<string, unknown> }
  return Object.keys(packages).map(path => path.replace(/^.*node_modules\//, ''))
}
