import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Measured, Method } from './load.ts'
import { dsbulk } from './peers/dsbulk.ts'
import { pycassandra } from './peers/pycassandra.ts'
import type { DataName } from './rows.ts'
import type { BenchServer } from './server.ts'

/** One round: all rows of a data set into an empty table. */
export interface Round {
  readonly server: BenchServer
  readonly table: string
  readonly data: DataName
  readonly rows: number
  /** The same rows as lines of JSON. */
  readonly file: string
}

export interface Contender {
  readonly name: string
  /** It reads the rows from the file, and the others make them for themselves. */
  readonly readsFile: boolean
  readonly run: (round: Round) => Promise<Measured>
}

const inNode = (name: string, method: Method): Contender => ({
  name,
  readsFile: false,
  run: round => loadInNode(round, method),
})

const ec = (concurrencyLevel: number) =>
  inNode(`executeConcurrent(${concurrencyLevel})`, { name: 'executeConcurrent', concurrencyLevel })

const contenders: Readonly<Record<string, Contender>> = {
  ec100: ec(100),
  ec512: ec(512),
  dsbulk: { name: 'DSBulk 1.10', readsFile: true, run: dsbulk },
  pycassandra: { name: 'PyCassandra', readsFile: true, run: pycassandra },
  ours: inNode('ours', { name: 'ours', options: {} }),
  'ours/partition': inNode('ours, by partition', { name: 'ours', options: { batch_by: 'partition' } }),
  'ours/replicas': inNode('ours, by replicas', { name: 'ours', options: { batch_by: 'replicas' } }),
  'ours/none': inNode('ours, one row a request', { name: 'ours', options: { batch_by: 'none' } }),
}

/** Those that `names` lists, in its order. */
export function contendersNamed(names: string): Contender[] {
  return names.split(',').map(name => {
    const contender = contenders[name]
    if (contender === undefined) {
      throw new Error(`Expected --only to list some of ${Object.keys(contenders).join(', ')}, got ${name}`)
    }
    return contender
  })
}

/** A directory for CPU profiles of our rounds, or nothing. */
const profiles = process.env['BENCH_CPU_PROFILES']

async function loadInNode({ server, table, data, rows }: Round, method: Method): Promise<Measured> {
  const job: Job = { access: server.access, table, data, rows, method }
  const profile = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const script = fileURLToPath(new URL('load.ts', import.meta.url))
  const args = ['--import', 'tsx', '--expose-gc', ...profile, script, JSON.stringify(job)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    output += text
  })
  const code = await new Promise(resolve => child.once('close', resolve))
  if (code !== 0) throw new Error(`The load of ${table} ended with code ${code}`)
  return JSON.parse(output) as Measured
}
