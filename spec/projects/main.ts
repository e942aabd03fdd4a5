// npm run test:projects                   installs the packed package in projects of several kinds, which each load rows
// npm run test:projects -- Jest webpack   only these projects
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'cassandra-driver'
import { startCassandra } from 'cassandra-streams/testing'
import { type BuildOptions, build } from 'esbuild'
import { installOnce, installPackage } from '../runtimes/install.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')

/** Exact versions, so that every run tests the same. */
const TOOLS = [
  'jest@30.5.2',
  'webpack@5.113.0',
  '@nestjs/common@11.2.10',
  '@nestjs/core@11.2.10',
  'reflect-metadata@0.2.2',
  'rxjs@7.8.2',
]

/** Longest time in milliseconds for one project. On two idle cores it takes a few seconds. */
const PROJECT_TIMEOUT_MS = 300_000

const LOADED = '2 true OptionError ERR_CASSANDRA_OPTION\n'
const COLUMNS =
  'id int PRIMARY KEY, v blob, at timestamp, tags list<text>, counts map<text, bigint>, numbers set<int>, total decimal'

interface Place {
  /** Folder of the project, inside the folder with the installed packages. */
  readonly folder: string
  /** A folder without installed packages, where a bundle must work alone. */
  readonly bare: string
  /** Folder with the installed tools. */
  readonly tools: string
  readonly target: Target
}

interface Target {
  readonly host: string
  readonly port: number
  readonly keyspace: string
  readonly table: string
}

interface Project {
  readonly name: string
  /** Builds and runs the project. Returns its output. */
  readonly print: (place: Place) => Promise<string>
  readonly prints: string
  /** The expected rows of the table afterwards. */
  readonly holds: string
}

const node = async (args: readonly string[], cwd: string, target: Target, env: NodeJS.ProcessEnv = {}) => {
  const ended = await run(process.execPath, args, {
    cwd,
    timeout: PROJECT_TIMEOUT_MS,
    env: { ...process.env, ...env, TARGET: JSON.stringify(target), NODE_OPTIONS: '' },
  })
  return ended.stdout
}

const source = (name: string) => join(import.meta.dirname, 'sources', name)

/** A project whose program is one file of `sources`, which runs without a build. */
const program =
  (name: string) =>
  async ({ folder, target }: Place) => {
    copyFileSync(source(name), join(folder, name))
    return node([name], folder, target)
  }

/** A project whose program is a bundle of everything, the driver included. */
const esbuild =
  (name: string, options: BuildOptions) =>
  async ({ folder, bare, target }: Place) => {
    copyFileSync(source('load.cjs'), join(folder, 'load.cjs'))
    const outfile = join(bare, name)
    const entryPoints = [join(folder, 'load.cjs')]
    await build({ entryPoints, outfile, bundle: true, platform: 'node', logLevel: 'silent', ...options })
    return node([outfile], bare, target, { BUNDLED: 'yes' })
  }

type Bundled = (error: Error | null, stats?: { hasErrors(): boolean; toString(): string }) => void
type Webpack = (options: object, done: Bundled) => void

async function webpack({ folder, bare, tools, target }: Place): Promise<string> {
  copyFileSync(source('load.cjs'), join(folder, 'load.cjs'))
  const bundle: Webpack = createRequire(join(tools, 'package.json'))('webpack')
  const output = { path: bare, filename: 'webpack.cjs' }
  // Not minified, because the esbuild projects test that in a tenth of the time.
  const optimization = { minimize: false }
  const options = {
    mode: 'production',
    target: 'node',
    context: folder,
    entry: './load.cjs',
    output,
    optimization,
  }
  await new Promise<void>((resolve, reject) =>
    bundle(options, (error, stats) => {
      if (error === null && stats?.hasErrors() === false) resolve()
      else reject(error ?? new Error(stats?.toString()))
    }),
  )
  return node(['webpack.cjs'], bare, target, { BUNDLED: 'yes' })
}

async function jest({ folder, tools, target }: Place): Promise<string> {
  for (const name of ['load.cjs', 'load.test.js']) copyFileSync(source(name), join(folder, name))
  const report = join(folder, 'report.json')
  const args = [join(tools, 'node_modules/jest/bin/jest.js'), '--json', '--outputFile', report]
  await node(args, folder, target, { CASSANDRA_CONTACT_POINTS: `${target.host}:${target.port}` })
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<
    string,
    number
  >
  return `${numPassedTests} passed, ${numFailedTests} failed`
}

/** The example for Nest, compiled like the Nest starter project. */
async function nest({ folder, tools, target }: Place): Promise<string> {
  const modules = join(folder, 'node_modules')
  mkdirSync(modules)
  for (const name of ['@nestjs', 'reflect-metadata', 'rxjs']) {
    symlinkSync(join(tools, 'node_modules', name), join(modules, name))
  }
  symlinkSync(join(root, 'node_modules/@types'), join(modules, '@types'))
  const text = readFileSync(join(root, 'examples/nestjs.ts'), 'utf8')
    .replace("host: '127.0.0.1'", `host: '${target.host}', port: ${target.port}`)
    .replace("keyspace: 'shop'", `keyspace: '${target.keyspace}'`)
    .replace("table: 'orders'", `table: '${target.table}'`)
  writeFileSync(join(folder, 'nestjs.ts'), text)
  const compilerOptions = {
    module: 'commonjs',
    moduleResolution: 'node10',
    target: 'ES2023',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    esModuleInterop: true,
    skipLibCheck: true,
    types: ['node'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['nestjs.ts'] }))
  await node([join(root, 'node_modules/typescript-5/bin/tsc'), '-p', '.'], folder, target)
  return node(['nestjs.js'], folder, target)
}

/** CommonJS in an ES module bundle needs `require`, which esbuild does not define. */
const banner = {
  js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
}
const rows = { prints: LOADED, holds: rowsOf() }

const projects: readonly Project[] = [
  { name: 'require', print: program('load.cjs'), ...rows },
  { name: 'import', print: program('load.mjs'), ...rows },
  {
    name: 'require + import',
    print: program('both.cjs'),
    prints: LOADED.replace('2', '500'),
    holds: `500 rows at ${new Date(0).toISOString()}`,
  },
  { name: 'Jest 30', print: jest, prints: '3 passed, 0 failed', holds: rowsOf() },
  { name: 'NestJS 11', print: nest, prints: '2 orders written\n', holds: '2 orders' },
  { name: 'esbuild, CommonJS', print: esbuild('esbuild.cjs', { minify: true, keepNames: true }), ...rows },
  { name: 'esbuild, module', print: esbuild('esbuild.mjs', { format: 'esm', banner }), ...rows },
  { name: 'webpack', print: webpack, ...rows },
]

/** The expected rows of the table after `sources/load.cjs`. */
function rowsOf(): string {
  return [
    '1 0102 1970-01-01T00:00:00.001Z ["a","b"] {"n":"1"} [1] null',
    '2 03 1970-01-01T00:00:00.002Z null {"m":"2"} [2,3] 1.000000000000000000001',
  ].join('\n')
}

async function heldBy(table: string): Promise<string> {
  const { rows } = await client.execute(`SELECT * FROM ${table}`)
  if (rows[0]?.keys().includes('customer')) return `${rows.length} orders`
  if (rows.length > 2) {
    const times = new Set(rows.map(row => (row['at'] as Date).toISOString()))
    return `${rows.length} rows at ${[...times].join(', ')}`
  }
  const lines = rows.map(row => {
    const { id, v, at, tags, counts, numbers, total } = row
    const json = [tags, counts, numbers].map(value => JSON.stringify(value)).join(' ')
    return `${id} ${(v as Buffer).toString('hex')} ${(at as Date).toISOString()} ${json} ${total}`
  })
  return lines.sort().join('\n')
}

const asked = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const report = process.argv.find(argument => argument.startsWith('--report='))?.slice('--report='.length)
const chosen = projects.filter(
  ({ name }) => asked.length === 0 || asked.some(word => name.split(/[ ,]/).includes(word)),
)
if (chosen.length === 0) throw new Error(`Expected one of ${projects.map(({ name }) => name).join(', ')}`)

const home = mkdtempSync(join(tmpdir(), 'cassandra-streams-projects-'))
const bare = mkdtempSync(join(tmpdir(), 'cassandra-streams-bundles-'))
process.once('exit', () => {
  for (const folder of [home, bare]) rmSync(folder, { recursive: true, force: true })
})

await using cassandra = await startCassandra()
const { contactPoints, localDataCenter } = cassandra
const [host = '', port] = contactPoints[0]?.split(':') ?? []
const client = new Client({ contactPoints, localDataCenter, socketOptions: { readTimeout: 60_000 } })
const keyspace = `projects_${randomBytes(4).toString('hex')}`
await client.execute(
  `CREATE KEYSPACE ${keyspace} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
)
const [tools] = await Promise.all([
  installOnce(`projects-${TOOLS.join('-').replaceAll(/[^\w.-]/g, '-')}`, TOOLS, 'webpack/package.json'),
  installPackage(home, 'cassandra-driver'),
])

let failed = 0
const table = [['project', 'loads and writes', 'seconds']]
for (const [i, { name, print, prints, holds }] of chosen.entries()) {
  const from = performance.now()
  const folder = join(home, `project${i}`)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const target = { host, port: Number(port), keyspace, table: `t${i}` }
  const orders = 'customer uuid, placed_at timestamp, total decimal, PRIMARY KEY (customer, placed_at)'
  await client.execute(`CREATE TABLE ${keyspace}.t${i} (${name.startsWith('NestJS') ? orders : COLUMNS})`)
  const complaint = await print({ folder, bare, tools, target }).then(
    async printed => {
      const held = await heldBy(`${keyspace}.t${i}`)
      const complaints = [
        printed === prints ? '' : `Expected it to print\n${prints}\ngot\n${printed}`,
        held === holds ? '' : `Expected the table to hold\n${holds}\ngot\n${held}`,
      ]
      return complaints.join('') === '' ? undefined : complaints.join('\n')
    },
    (error: Error & { stdout?: string; stderr?: string }) =>
      `${error.message}\n${error.stdout ?? ''}\n${error.stderr ?? ''}`,
  )
  table.push([name, complaint === undefined ? 'yes' : 'NO', ((performance.now() - from) / 1000).toFixed(1)])
  if (complaint === undefined) continue
  failed++
  console.error(`✗ ${name}\n${complaint.trim().slice(-3000).replaceAll(/^/gm, '    ')}`)
}
await client.execute(`DROP KEYSPACE ${keyspace}`)
await client.shutdown()

const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0)))
for (const row of table)
  console.log(
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
console.log(`projects: ${chosen.length - failed} passed, ${failed} failed`)
if (report !== undefined) writeFileSync(report, JSON.stringify({ passed: chosen.length - failed, failed }))
if (failed > 0) process.exitCode = 1
