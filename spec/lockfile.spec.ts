import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..')

interface LockedPackage {
  readonly integrity?: string
  /** Left out for a package of the registry that npm uses. */
  readonly resolved?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** Paths of the locked packages that are so. */
const those = (are: (locked: LockedPackage) => boolean) =>
  Object.entries(packages).flatMap(([path, locked]) => (path !== '' && are(locked) ? [path] : []))

it('the lock file has a checksum of every package', () => {
  expect(those(() => true).length).toBeGreaterThan(100)
  expect(those(({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([])
})

it('every locked package is an archive of a registry, and no repository, folder or link', () => {
  const isArchive = ({ resolved, link }: LockedPackage) =>
    link !== true && (resolved === undefined || /^https:\/\/.+\.tgz$/.test(resolved))
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
