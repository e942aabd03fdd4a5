// npm run bench:profile  which functions use the CPU of the client? Prints the ten with the most self time.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadInProcess } from './inProcess.ts'
import { type DataName, dataSets, isDataName } from './rows.ts'
import { BenchServer } from './server.ts'

/** The parts of a V8 CPU profile that are used here. Times are in microseconds. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const TOP = 10

const { values: flags } = parseArgs({
  options: { rows: { type: 'string', default: '300000' }, data: { type: 'string', default: 'a,b' } },
})
const rows = Number(flags.rows)
const folder = await mkdtemp(join(tmpdir(), 'bench-'))
const server = await BenchServer.start(1)
try {
  for (const data of flags.data.split(',').filter(isDataName)) {
    await profiled(data)
    print(data, await profiled(data))
  }
} finally {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
}

async function profiled(data: DataName): Promise<CpuProfile> {
  const table = `rows_${data}`
  const profile = join(folder, `${data}.cpuprofile`)
  await server.createTable(table, dataSets[data])
  const method = { name: 'ours', options: {} } as const
  await loadInProcess({ access: server.access, table, data, rows, method, parsed: true, profile })
  return JSON.parse(await readFile(profile, 'utf8')) as CpuProfile
}

function print(data: DataName, { nodes, samples, timeDeltas }: CpuProfile): void {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const own = new Map<string, number>()
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? ''
    own.set(name, (own.get(name) ?? 0) + (timeDeltas[i] ?? 0))
  }
  own.delete('(idle)')
  const total = [...own.values()].reduce((sum, time) => sum + time, 0)
  console.log(
    `\n### (${data}) ${dataSets[data].title}: ${(total / rows).toFixed(2)} µs per row on the main thread\n`,
  )
  console.log('| function | µs per row | share |\n|---|--:|--:|')
  for (const [name, time] of [...own].sort(([, a], [, b]) => b - a).slice(0, TOP)) {
    console.log(`| ${name} | ${(time / rows).toFixed(2)} | ${((time / total) * 100).toFixed(1)} % |`)
  }
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const file = url.replace(/^.*\/(?:node_modules|dist)\//, '')
  return `\`${name}\` ${file}:${lineNumber + 1}`
}
