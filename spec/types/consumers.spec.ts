import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// A project that has installed the package compiles against what was packed, and not against our sources.

const root = resolve(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'cassandra-streams-consumers-'))

const compilers = ['typescript-5.4', 'typescript-5', '@typescript/native']
const resolutions = [
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
]

const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8' })

beforeAll(() => {
  const packing = join(folder, 'packing')
  const modules = join(folder, 'node_modules')
  mkdirSync(packing)
  for (const file of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    copyFileSync(join(root, file), join(packing, file))
  }
  run('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', join(packing, 'dist')], root)
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent'], packing).trim()
  mkdirSync(join(modules, '@types'), { recursive: true })
  run('tar', ['-xzf', join(packing, packed), '-C', modules], folder)
  run('mv', [join(modules, 'package'), join(modules, 'cassandra-streams')], folder)
  for (const dependency of ['cassandra-driver', '@types/node']) {
    symlinkSync(join(root, 'node_modules', dependency), join(modules, dependency))
  }
  copyFileSync(join(import.meta.dirname, 'consumer.fixture.ts'), join(folder, 'consumer.ts'))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
}, 180_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(compilers)('%s', compiler => {
  const home = dirname(require.resolve(`${compiler}/package.json`))

  it.each(resolutions)(
    'compiles a consumer with module %s and moduleResolution %s',
    (module, moduleResolution) => {
      const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--skipLibCheck']
      const kind = ['--target', 'es2022', '--module', module, '--moduleResolution', moduleResolution]
      const { stdout, status } = spawnSync(
        process.execPath,
        [join(home, 'bin/tsc'), ...options, ...kind, '--types', 'node', 'consumer.ts'],
        { cwd: folder, encoding: 'utf8' },
      )
      expect(stdout).toBe('')
      expect(status).toBe(0)
    },
    180_000,
  )
})

describe('Node', () => {
  it('gives a CommonJS consumer by require() what an ES module gets by import', () => {
    const code = `
      const required = require('cassandra-streams')
      import('cassandra-streams').then(imported => {
        console.log(required.createCassandraWritable === imported.createCassandraWritable)
      })`
    writeFileSync(join(folder, 'consumer.cjs'), code)
    expect(run(process.execPath, ['--no-warnings', 'consumer.cjs'], folder).trim()).toBe('true')
  })
})
