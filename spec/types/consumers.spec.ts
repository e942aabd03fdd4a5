import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// Compiles projects that have installed the packed package, which do not see our sources.

const root = resolve(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'cassandra-streams-consumers-'))

const compilers = ['typescript-5.4', 'typescript-5', '@typescript/native']

/** Files to compile, each with `module` and `moduleResolution`. */
const projects = [
  ['consumer.ts consumer.cts', 'node16', 'node16'],
  ['consumer.ts consumer.cts', 'node18', 'node16'],
  ['consumer.ts consumer.cts', 'node20', 'node16'],
  ['consumer.ts consumer.cts', 'nodenext', 'nodenext'],
  ['consumer.ts', 'esnext', 'bundler'],
  ['consumer.cts', 'commonjs', 'node10'],
] as const

/** TypeScript 7 no longer has `node10`, and 5.4 does not have `node18` and `node20` yet. */
const absent: Readonly<Record<string, readonly string[]>> = {
  'typescript-5.4': ['node18', 'node20'],
  '@typescript/native': ['node10'],
}
const projectsOf = (compiler: string) =>
  projects.filter(kinds => !kinds.some(kind => absent[compiler]?.includes(kind)))

const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8' })

beforeAll(() => {
  const packing = join(folder, 'packing')
  const modules = join(folder, 'node_modules')
  mkdirSync(packing)
  for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    copyFileSync(join(root, file), join(packing, file))
  }
  run('npx', ['tsx', 'build.ts', join(packing, 'dist')], root)
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent'], packing).trim()
  mkdirSync(join(modules, '@types'), { recursive: true })
  run('tar', ['-xzf', join(packing, packed), '-C', modules], folder)
  run('mv', [join(modules, 'package'), join(modules, 'cassandra-streams')], folder)
  for (const dependency of ['cassandra-driver', '@types/node']) {
    symlinkSync(join(root, 'node_modules', dependency), join(modules, dependency))
  }
  for (const name of ['consumer.ts', 'consumer.cts'])
    copyFileSync(join(import.meta.dirname, 'consumer.fixture.ts'), join(folder, name))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
}, 180_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(compilers)('%s', compiler => {
  const home = dirname(require.resolve(`${compiler}/package.json`))

  it.each(projectsOf(compiler))(
    'compiles %s with module %s and moduleResolution %s',
    (consumers, module, moduleResolution) => {
      // Declarations are checked too, which is the default, and `undefined` is allowed for optional properties.
      // The driver's own declarations have an error here.
      const isUnchecked = compiler === 'typescript-5.4' && module === 'esnext'
      const options = ['--noEmit', '--strict', ...(isUnchecked ? ['--skipLibCheck'] : [])]
      const kind = ['--target', 'es2022', '--module', module, '--moduleResolution', moduleResolution]
      const { stdout, status } = spawnSync(
        process.execPath,
        [join(home, 'bin/tsc'), ...options, ...kind, '--types', 'node', ...consumers.split(' ')],
        { cwd: folder, encoding: 'utf8' },
      )
      expect(stdout).toBe('')
      expect(status).toBe(0)
    },
    180_000,
  )
})

describe('Node', () => {
  it('gives `require` and `import` the same objects with the same state', () => {
    const code = `
      const required = require('cassandra-streams')
      import('cassandra-streams').then(imported => {
        const names = Object.keys(imported).sort()
        const same = names.every(name => required[name] === imported[name])
        console.log(same, names.length > 10, names.join() === Object.keys(required).sort().join())
        try { required.createCassandraWritable({}) } catch (error) {
          console.log(error instanceof imported.OptionError, error.code)
        }
      })`
    writeFileSync(join(folder, 'consumer.cjs'), code)
    const printed = run(process.execPath, ['--no-warnings', 'consumer.cjs'], folder).trim().split('\n')
    expect(printed).toEqual(['true true true', 'true ERR_CASSANDRA_OPTION'])
  })

  it.each(['consumer.cjs', 'consumer.mjs'])(
    'finds the list of jars beside the module that %s loads, when it starts a Cassandra',
    name => {
      const isCommonJs = name.endsWith('.cjs')
      const loaded = isCommonJs
        ? "const { startCassandra } = require('cassandra-streams/testing')"
        : "import { startCassandra } from 'cassandra-streams/testing'"
      writeFileSync(
        join(folder, name),
        `${loaded}\nstartCassandra().catch(error => console.log(error.message))`,
      )
      const programs = join(folder, 'programs')
      mkdirSync(programs, { recursive: true })
      // The file that Maven is told to read exists. This fake Maven stops there.
      writeFileSync(
        join(programs, 'mvn'),
        '#!/bin/sh\nwhile [ "$1" != -f ]; do shift; done\ngrep artifactId "$2"; exit 1\n',
        {
          mode: 0o755,
        },
      )
      const { CASSANDRA_CONTACT_POINTS: _, ...rest } = process.env
      const env = {
        ...rest,
        PATH: `${programs}:${process.env['PATH']}`,
        XDG_CACHE_HOME: join(folder, 'cache'),
      }
      const printed = execFileSync(process.execPath, [name], { cwd: folder, env, encoding: 'utf8' })
      expect(printed).toContain('<artifactId>cassandra-all</artifactId>')
    },
  )
})
