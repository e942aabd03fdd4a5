// npm run test:runtimes               runs the packed package in every runtime, against a real Cassandra
// npm run test:runtimes -- Deno Bun   only these runtimes
// SEED=… npm run test:runtimes        repeats the same random values
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Client } from 'cassandra-driver'
import { type Cassandra, startCassandra } from 'cassandra-streams/testing'
import { generate } from 'selfsigned'
import ts from 'typescript'
import { login } from '../canary/login.ts'
import { neverRestarted } from '../quickStart.ts'
import type { Outcome, Surroundings } from './core/suite.ts'
import { installPackage, installRuntime } from './install.ts'
import { limits, type Runtime, runtimes } from './runtimes.ts'

Object.assign(process.env, neverRestarted)

const ROWS = 5_000

/** Number of times that a load is killed before it may finish. */
const KILLS = 3

/** Longest time in milliseconds for all cases of one runtime. On two idle cores they take a few seconds. */
const SCRIPT_TIMEOUT_MS = 600_000

/** Number of installed packages: `cassandra-streams`, the driver, and the dependencies of the driver. */
const MOST_PACKAGES = 4

/** Converts TypeScript to JavaScript for all runtimes. `npm run typecheck` checks the types. */
function transpile(files: readonly string[], to: string): void {
  mkdirSync(to, { recursive: true })
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
  }
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    writeFileSync(
      join(to, basename(file).replace(/\.ts$/, '.js')),
      ts.transpileModule(source, { compilerOptions, fileName: file }).outputText,
    )
  }
}

function addressOf(cassandra: Cassandra) {
  const [host = '', port] = cassandra.contactPoints[0]?.split(':') ?? []
  return { host, port: Number(port), localDataCenter: cassandra.localDataCenter }
}

async function prepareSecure(cassandra: Cassandra): Promise<Surroundings['secure']> {
  const { username = '', password = '', ca = '' } = cassandra
  const client = new Client({
    contactPoints: cassandra.contactPoints,
    localDataCenter: cassandra.localDataCenter,
    credentials: { username, password },
    sslOptions: { ca, rejectUnauthorized: true },
  })
  await client.execute(
    `CREATE KEYSPACE runtimes WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await client.execute('CREATE TABLE runtimes.secure (id text PRIMARY KEY, v text)')
  await client.shutdown()
  const other = await generate([{ name: 'commonName', value: 'another authority' }], { algorithm: 'sha256' })
  return { ...addressOf(cassandra), username, password, ca, otherCa: other.cert }
}

interface Ended {
  readonly stdout: string
  readonly stderr: string
  /** Exit code, or the signal that ended the process. */
  readonly end: number | string | null
}

function runScript(runtime: Runtime, program: string, script: string, spec: Surroundings): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn(program, [...runtime.args, script], {
      cwd: folder,
      env: { ...process.env, RUNTIME_SPEC: JSON.stringify(spec), DENO_NO_UPDATE_CHECK: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // SIGTERM, to differ from the SIGKILL with which a script kills itself.
    const timer = setTimeout(() => child.kill('SIGTERM'), SCRIPT_TIMEOUT_MS)
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', text => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ stdout, stderr, end: signal ?? code })
    })
  })
}

function outcome(suite: string, name: string, { stderr, end }: Ended, expected: Ended['end']): Outcome {
  if (end === expected) return { suite, name }
  return { suite, name, error: `ended with ${end}\n${stderr.slice(-2000)}` }
}

/** Runs the cases in one runtime. A runtime that crashes or hangs gets a failed case for that. */
async function runCases(runtime: Runtime, program: string, spec: Surroundings): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let kill = 1; kill <= KILLS; kill++) {
    const ended = await runScript(runtime, program, 'runtimes/core/killed.js', spec)
    outcomes.push(outcome('once', `is killed in the middle of an epoch, ${kill}`, ended, 'SIGKILL'))
  }
  const ended = await runScript(runtime, program, 'runtimes/core/main.js', spec)
  for (const line of ended.stdout.split('\n')) {
    if (line.startsWith('{')) outcomes.push(JSON.parse(line) as Outcome)
  }
  return [...outcomes, outcome('end', 'ends by itself', ended, 0)]
}

/** What is wrong with a case. A known limit is no complaint, but a limit that no longer exists is. */
function complaintOf(runtime: Runtime, { suite, name, error }: Outcome): string | undefined {
  const limit = limits.find(l => l.runtime === runtime.name && l.suite === suite && l.case === name)
  if (limit === undefined) return error
  return error === undefined ? 'passes now: take it out of `limits` and of docs/runtimes.md' : undefined
}

function printMatrix(results: ReadonlyMap<Runtime, readonly Outcome[]>): void {
  const suites = [...new Set([...results.values()].flat().map(({ suite }) => suite))]
  const table = [['runtime', 'version', ...suites, 'seconds']]
  for (const [runtime, outcomes] of results) {
    const cells = suites.map(suite => {
      const of = outcomes.filter(outcome => outcome.suite === suite)
      const passed = of.filter(({ error }) => error === undefined)
      return of.length === 0 ? '–' : `${passed.length}/${of.length}`
    })
    table.push([
      runtime.name,
      runtime.version,
      ...cells,
      ((milliseconds.get(runtime) ?? 0) / 1000).toFixed(1),
    ])
  }
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0)))
  for (const row of table) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
}

const asked = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const report = process.argv.find(argument => argument.startsWith('--report='))?.slice('--report='.length)
const chosen = runtimes.filter(({ name }) => asked.length === 0 || asked.includes(name))
if (chosen.length === 0) throw new Error(`Expected one of ${runtimes.map(({ name }) => name).join(', ')}`)

const folder = mkdtempSync(join(tmpdir(), 'cassandra-streams-runtimes-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31))
console.log(`seed ${seed}`)

await using plain = await startCassandra()
await using secure = await startCassandra({ auth: true, tls: true })
const [programs, packages, secureAddress] = await Promise.all([
  Promise.all(chosen.map(installRuntime)),
  installPackage(folder, 'cassandra-driver'),
  prepareSecure(secure),
])
const core = join(import.meta.dirname, 'core')
transpile(
  readdirSync(core).map(name => join(core, name)),
  join(folder, 'runtimes/core'),
)
transpile([join(import.meta.dirname, '../random.ts')], folder)

let passed = 0
const failures: string[] = []
function count(title: string, complaint: string | undefined): void {
  if (complaint === undefined) passed++
  else failures.push(`✗ ${title}\n${complaint.replaceAll(/^/gm, '    ')}`)
}

count(
  `brings at most ${MOST_PACKAGES} packages`,
  packages.length <= MOST_PACKAGES ? undefined : `${packages.length}: ${packages.join(', ')}`,
)
const results = new Map<Runtime, Outcome[]>()
const milliseconds = new Map<Runtime, number>()
for (const [i, runtime] of chosen.entries()) {
  const from = performance.now()
  const outcomes = await runCases(runtime, programs[i] ?? '', {
    plain: { ...addressOf(plain), ...login },
    secure: secureAddress,
    keyspace: `runtime_${randomBytes(6).toString('hex')}`,
    seed,
    rows: ROWS,
  })
  results.set(runtime, outcomes)
  milliseconds.set(runtime, performance.now() - from)
  console.log(`${runtime.name} is done after ${((performance.now() - from) / 1000).toFixed(1)} s`)
  for (const outcome of outcomes) {
    count(`${runtime.name}: ${outcome.suite}: ${outcome.name}`, complaintOf(runtime, outcome))
  }
}
printMatrix(results)
for (const failure of failures) console.error(failure)
console.log(`runtimes: ${passed} passed, ${failures.length} failed`)
if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed: failures.length }))
if (failures.length > 0) process.exitCode = 1
