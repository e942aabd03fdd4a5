// npm run test:servers              runs the core of the integration specs on every version of Cassandra
// npm run test:servers -- 5.0 6.0   only on these versions
// npm run test:servers -- 6.0 --only read,count   only these specs
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../../lib/testing/cluster.ts'
import { areJarsIn, fetchJars, jarFolder } from '../../lib/testing/jars.ts'
import { findJavaOf } from './java.ts'
import { type Server, servers, yamlOf } from './servers.ts'

const { values: flags, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: {
    /** File for the counts of passed and failed specs. */
    report: { type: 'string' },
    /** Names of specs, joined by commas. */
    only: { type: 'string' },
  },
})
const chosen = servers.filter(({ name }) => asked.length === 0 || asked.includes(name))
if (chosen.length === 0) throw new Error(`Expected one of ${servers.map(({ name }) => name).join(', ')}`)

const only = flags.only?.split(',')
const specsOf = ({ specs, hasAccord }: Server) =>
  [...specs, ...(hasAccord ? ['accord'] : [])].filter(name => only?.includes(name) ?? true)

const folder = mkdtempSync(join(tmpdir(), 'cassandra-streams-servers-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

interface Counts {
  passed: number
  failed: number
}

/** Counts by spec file. Undefined if the server cannot be started on this machine. */
type Outcome = ReadonlyMap<string, Counts> | undefined

/** Runs the specs against a server. The counts come from the report of vitest. */
function runSpecs(server: Server, contactPoint: string): Promise<Map<string, Counts>> {
  const report = join(folder, `${server.name}.json`)
  const files = specsOf(server).map(name => `/${name}.spec.ts`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const child = spawn(
    'npx',
    ['vitest', 'run', '--config', 'vitest.servers.config.ts', ...files, ...reporters],
    {
      stdio: 'inherit',
      env: { ...process.env, CASSANDRA_CONTACT_POINTS: contactPoint, CASSANDRA_SERIES: server.name },
    },
  )
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => resolve(countsOf(report)))
  })
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

function countsOf(report: string): Map<string, Counts> {
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  return new Map(
    testResults.map(({ name, status, assertionResults }) => {
      const count = (of: string) => assertionResults.filter(({ status }) => status === of).length
      const failed = count('failed')
      // A file that could not be loaded has no results, so it counts as one failure.
      const counts = { passed: count('passed'), failed: failed === 0 && status === 'failed' ? 1 : failed }
      return [basename(name, '.spec.ts'), counts]
    }),
  )
}

async function tryServer(server: Server): Promise<Outcome> {
  const java = await findJavaOf(server.java)
  if (java === undefined) {
    console.log(`${server.name}: no Java ${server.java.join(' or ')}`)
    return undefined
  }
  const jars = await jarFolder(process.env, server.version)
  if (!(await areJarsIn(jars))) await fetchJars(jars, server.version)
  const plain = { nodes: 1, auth: false, tls: false, durable: false } as const
  const yaml = yamlOf(server, join(folder, `journal-${server.name}`))
  await using cassandra = await startCluster({ ...plain, java, jars, yaml })
  console.log(`── Cassandra ${server.version}, ${java}`)
  return await runSpecs(server, cassandra.contactPoints[0] ?? '')
}

const outcomes = new Map<Server, Outcome>()
for (const server of chosen) outcomes.set(server, await tryServer(server))

/** A cell of the table: passed specs of all specs, or a dash. */
const cell = (counts: Counts | undefined) =>
  counts === undefined ? '–' : `${counts.passed}/${counts.passed + counts.failed}`

const names = [...new Set(chosen.flatMap(specsOf))]
const table = [['Cassandra', ...[...outcomes.keys()].map(({ version }) => version)]]
for (const name of names)
  table.push([name, ...[...outcomes.values()].map(outcome => cell(outcome?.get(name)))])
const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map(row => row[column]?.length ?? 0)))
for (const row of table) {
  console.log(
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

const ran = [...outcomes].flatMap(([server, outcome]) => (outcome === undefined ? [] : [{ server, outcome }]))
const sum = (of: keyof Counts) =>
  ran.flatMap(({ outcome }) => [...outcome.values()]).reduce((total, counts) => total + counts[of], 0)
/** Number of spec files without results, so that a renamed file does not go unnoticed. */
const missing = ran.reduce(
  (total, { server, outcome }) => total + specsOf(server).filter(name => !outcome.get(name)?.passed).length,
  0,
)
const [passed, failed] = [sum('passed'), sum('failed') + missing]
console.log(`servers: ${passed} passed, ${failed} failed`)
if (flags.report !== undefined) writeFileSync(flags.report, JSON.stringify({ passed, failed }))
if (failed > 0 || passed === 0) process.exitCode = 1
