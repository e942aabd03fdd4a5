import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  /** Left out for a package of the registry that npm uses. */
  readonly resolved?: string
  readonly link?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
}

type Packages = Readonly<Record<string, LockedPackage>>

const packagesIn = (file: string) =>
  (JSON.parse(readFileSync(join(root, file), 'utf8')) as { readonly packages: Packages }).packages

const packages = packagesIn('package-lock.json')
/** What npm has put into `node_modules`. */
const installed = packagesIn('node_modules/.package-lock.json')

/** Paths of the locked packages that are so. */
const those = (are: (locked: LockedPackage) => boolean) =>
  Object.entries(packages).flatMap(([path, locked]) => (path !== '' && are(locked) ? [path] : []))

it('the lock file has a checksum of every package', () => {
  expect(those(() => true).length).toBeGreaterThan(100)
  expect(those(({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([])
})

it('every locked package is an archive of the public registry, and no repository, folder or link', () => {
  const isArchive = ({ resolved, link }: LockedPackage) =>
    link !== true && (resolved === undefined || /^https:\/\/registry\.npmjs\.org\/.+\.tgz$/.test(resolved))
  expect(those(locked => !isArchive(locked))).toEqual([])
})

it('only known packages run a script when they are installed', () => {
  expect(those(({ hasInstallScript }) => hasInstallScript === true)).toEqual([
    'node_modules/cpu-features',
    'node_modules/esbuild',
    'node_modules/protobufjs',
    'node_modules/ssh2',
  ])
})

// Not compared is `resolved`: a mirror of the registry may have served the archive, which has the same checksum.
it('the installed packages are the locked ones', () => {
  const named = (of: Packages, path: string) => ({
    path,
    version: of[path]?.version,
    integrity: of[path]?.integrity,
  })
  const paths = Object.keys(installed)
  expect(paths.map(path => named(installed, path))).toEqual(paths.map(path => named(packages, path)))
})

it('every locked package is installed, unless it is optional', () => {
  // Most optional ones are programs for other platforms.
  expect(those(({ optional }) => optional !== true).filter(path => !(path in installed))).toEqual([])
})
