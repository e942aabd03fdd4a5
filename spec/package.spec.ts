import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { linksOf } from './pages.ts'
import { runtimes } from './runtimes/runtimes.ts'

const root = resolve(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Largest download in bytes. */
const MOST_PACKED_BYTES = 1_000_000

/** Largest unpacked package in bytes. More than half of it is source maps, with which a stack trace shows TypeScript. */
const MOST_BYTES = 4_000_000

/** Largest JavaScript in bytes. A runtime reads at most this much. */
const MOST_JAVASCRIPT_BYTES = 900_000

/** Files with the code of the package. */
const bundles = ['dist/main.cjs', 'dist/testing/main.cjs']

/** Entry points of `import` and `require`. */
const entries = ['dist/index', 'dist/kafka/index', 'dist/testing/index']

interface PackedFile {
  readonly path: string
  readonly size: number
}

let files: readonly PackedFile[]
let packedSize: number
let unpackedSize: number

beforeAll(() => {
  execFileSync('npm', ['run', 'build'], { cwd: root })
  const stdout = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
    cwd: root,
    encoding: 'utf8',
  })
  const packed = Object.values(
    JSON.parse(stdout) as Record<string, { files: PackedFile[]; size: number; unpackedSize: number }>,
  )
  files = packed[0]?.files ?? []
  packedSize = packed[0]?.size ?? Number.POSITIVE_INFINITY
  unpackedSize = packed[0]?.unpackedSize ?? Number.POSITIVE_INFINITY
}, 120_000)

describe('the package', () => {
  it('holds what is built, the pages and the examples', () => {
    const beside = files.map(({ path }) => path).filter(path => !path.startsWith('dist/'))
    const folder = (name: string, form: RegExp) =>
      readdirSync(join(root, name))
        .filter(file => form.test(file))
        .map(file => `${name}/${file}`)
    expect(beside.sort()).toEqual(
      [
        'ARCHITECTURE.md',
        'CHANGELOG.md',
        'CONTRIBUTING.md',
        'LICENSE',
        'README.md',
        'SECURITY.md',
        ...folder('bench', /\.md$/),
        ...folder('bench/results', /\.svg$/),
        ...folder('docs', /\.md$/),
        ...folder('examples', /\.(?:md|js|ts)$/),
        'package.json',
      ].sort(),
    )
  })

  it('names the first Node.js with AbortSignal.any() as the lowest, everywhere', () => {
    const wanted = '>=20.3'
    expect(JSON.parse(read('package.json'))).toMatchObject({ engines: { node: wanted } })
    expect(JSON.parse(read('package-lock.json'))).toMatchObject({
      packages: { '': { engines: { node: wanted } } },
    })
    for (const page of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs/runtimes.md'])
      expect(read(page), page).toMatch(/Node\.js 20\.3 (?:or|and) newer/)
  })

  it('holds every file that one of its pages links to', () => {
    const packed = new Set(files.map(({ path }) => path))
    const missing = [...packed]
      .filter(path => path.endsWith('.md'))
      .flatMap(path =>
        linksOf({ path, text: read(path) })
          .filter(link => link.path !== '' && !packed.has(join(dirname(path), link.path)))
          .map(link => `${path}: ${link.path}`),
      )
    expect(missing).toEqual([])
  })

  it('has one public address, from which the registry resolves all other links', () => {
    const { repository, bugs, homepage, author } = JSON.parse(read('package.json')) as Record<string, unknown>
    const address = 'https://github.com/cassandra-streams/cassandra-streams'
    expect(repository).toEqual({ type: 'git', url: `git+${address}.git` })
    expect(bugs).toEqual({ url: `${address}/issues` })
    expect(homepage).toBe(`${address}#readme`)
    expect(author).toBe('the cassandra-streams contributors')
    expect(read('LICENSE')).toContain(` ${author}\n`)
    expect(read('SECURITY.md')).toContain(`<${address}/security/advisories/new>`)
    expect(read('CONTRIBUTING.md')).toContain(`\`${address.slice('https://'.length)}\``)
  })

  it('is tested by CI on every major version of Node.js that spec/runtimes has, from the lowest supported one on', () => {
    const workflow = read('.github/workflows/ci.yml')
    const [, matrix = ''] = /\n +node: \[([^\]]+)\]\n/.exec(workflow) ?? []
    const tested = runtimes.flatMap(({ name }) => /^Node\.js (\d+)$/.exec(name)?.[1] ?? [])
    expect(matrix.split(', ')).toEqual(tested)
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
    expect(engines.node.split('.')[0]).toBe(`>=${tested[0]}`)
    expect(workflow).toContain('\n      - run: .ci/run\n')
  })

  it('has the code once, a .d.ts and a .d.cts of each source, and no other file', () => {
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
    // npm runs these scripts on every machine that installs the package.
    const hooks =
      /^(?:pre|post)?(?:install|prepare|uninstall)$|^dependencies$|^(?:pre|post)publish$|^publish$/
    expect(Object.keys(scripts).filter(name => hooks.test(name))).toEqual([])
    // npm runs node-gyp for a package that has this file.
    expect(files.map(({ path }) => path)).not.toContain('binding.gyp')
  })

  it('stays small', () => {
    const javaScript = files.filter(({ path }) => /^dist\/.*\.c?js$/.test(path)).map(({ size }) => size)
    expect(packedSize).toBeLessThanOrEqual(MOST_PACKED_BYTES)
    expect(unpackedSize).toBeLessThanOrEqual(MOST_BYTES)
    expect(javaScript.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MOST_JAVASCRIPT_BYTES)
  })

  it('has no dependency, and requires only the driver as a peer', () => {
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

  it('shows TypeScript in a stack trace, although it does not contain the sources', () => {
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
