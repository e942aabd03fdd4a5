import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Largest package in bytes, unpacked. More than half of it is source maps, so that a stack trace shows TypeScript. */
const MOST_BYTES = 3_000_000

/** Largest JavaScript in bytes: what a runtime reads at most. */
const MOST_JAVASCRIPT_BYTES = 800_000

/** The code of the package, each once. */
const bundles = ['dist/main.cjs', 'dist/testing/main.cjs']

/** What `import` and `require` are given. */
const entries = ['dist/index', 'dist/testing/index']

interface PackedFile {
  readonly path: string
  readonly size: number
}

let files: readonly PackedFile[]
let unpackedSize: number

beforeAll(() => {
  execFileSync('npm', ['run', 'build'], { cwd: root })
  const stdout = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
  })
  const packed = Object.values(
    JSON.parse(stdout) as Record<string, { files: PackedFile[]; unpackedSize: number }>,
  )
  files = packed[0]?.files ?? []
  unpackedSize = packed[0]?.unpackedSize ?? 0
}, 120_000)

describe('the package', () => {
  it('holds what is built, the list of jars to fetch, and the papers', () => {
    const beside = files.map(({ path }) => path).filter(path => !path.startsWith('dist/'))
    expect(beside.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
  })

  it('holds the code once, both declarations of each source, and nothing that somebody put there', () => {
    const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => name.replaceAll('\\', '/').slice(0, -'.ts'.length))
    const declarations = sources.flatMap(name => [`dist/${name}.d.ts`, `dist/${name}.d.cts`])
    const code = [...bundles, ...bundles.map(path => `${path}.map`)]
    const loaded = entries.flatMap(path => [`${path}.js`, `${path}.cjs`])
    const jars = readdirSync(join(root, 'lib/testing'))
      .filter(name => name.endsWith('.xml'))
      .map(name => `dist/testing/${name}`)
    const packed = files.map(({ path }) => path).filter(path => path.startsWith('dist/'))
    expect(packed.sort()).toEqual([...declarations, ...code, ...loaded, ...jars].sort())
    expect(jars).toContain('dist/testing/pom.xml')
  })

  it('runs nothing when it is installed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cassandra-streams-pack-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      stdio: 'pipe',
    })
    const [tarball = ''] = readdirSync(folder)
    execFileSync('tar', ['-xzf', join(folder, tarball), '-C', folder])
    const text = readFileSync(join(folder, 'package', 'package.json'), 'utf8')
    const { scripts = {} } = JSON.parse(text) as { scripts?: Record<string, string> }
    // npm runs these on the machine of everyone who installs the package.
    const hooks =
      /^(?:pre|post)?(?:install|prepare|uninstall)$|^dependencies$|^(?:pre|post)publish$|^publish$/
    expect(Object.keys(scripts).filter(name => hooks.test(name))).toEqual([])
    // npm runs node-gyp for a package that has this file.
    expect(files.map(({ path }) => path)).not.toContain('binding.gyp')
  })

  it('stays small', () => {
    const javaScript = files.filter(({ path }) => /\.c?js$/.test(path)).map(({ size }) => size)
    expect(unpackedSize).toBeLessThanOrEqual(MOST_BYTES)
    expect(javaScript.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_JAVASCRIPT_BYTES)
  })

  it('brings no dependency, and asks for the driver only', () => {
    const manifest = JSON.parse(read('package.json')) as {
      dependencies?: object
      optionalDependencies?: object
      peerDependencies: Record<string, string>
      peerDependenciesMeta: Record<string, { optional?: boolean }>
    }
    expect(Object.keys(manifest.dependencies ?? {})).toEqual([])
    expect(Object.keys(manifest.optionalDependencies ?? {})).toEqual([])
    const required = Object.keys(manifest.peerDependencies).filter(
      name => manifest.peerDependenciesMeta[name]?.optional !== true,
    )
    expect(required).toEqual(['cassandra-driver'])
  })

  it('shows TypeScript in a stack trace, though the sources stay at home', () => {
    for (const path of bundles) {
      const { sources, sourcesContent } = JSON.parse(read(`${path}.map`)) as {
        sources: string[]
        sourcesContent?: string[]
      }
      for (const [i, source] of sources.entries()) {
        if (!source.includes('/lib/')) continue
        expect(sourcesContent?.[i], source).toBe(readFileSync(resolve(root, dirname(path), source), 'utf8'))
      }
      expect(read(path), path).toMatch(/\n\/\/# sourceMappingURL=\S+\.cjs\.map\n?$/)
    }
    const lines = read('dist/main.cjs').split('\n')
    const line = lines.findIndex(text => text.includes('new OptionError('))
    const map = new SourceMap(JSON.parse(read('dist/main.cjs.map')))
    const place = map.findEntry(line, lines[line]?.indexOf('new OptionError(') ?? 0)
    const [file, number] = 'originalLine' in place ? [place.originalSource, place.originalLine] : ['', 0]
    expect(readFileSync(resolve(root, 'dist', file), 'utf8').split('\n')[number]).toContain(
      'new OptionError(',
    )
  })
})
