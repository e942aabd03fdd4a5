// npm run bench:window  is the window that adapts as good as the best fixed one?
import { type ChildProcess, spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { geometric } from './geometric.ts'
import { median } from './median.ts'
import { type DataName, dataSets, generate, isDataName } from './rows.ts'
import { BenchServer, KEYSPACE } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '20000' },
    /** Pairs of loads for each fixed window. */
    rounds: { type: 'string', default: '20' },
    data: { type: 'string', default: 'a,b' },
    nodes: { type: 'string', default: '1' },
    /** Fixed windows to compare with, as numbers of requests in flight. */
    fixed: { type: 'string', default: '16,32,64,100' },
    /** Whether answers wait for the disk: `commitlog_sync: batch`. */
    durable: { type: 'boolean', default: false },
    /** `cold` starts a server per load. `busy` runs another process that uses as much of a core as it gets. */
    state: { type: 'string', default: 'warm' },
  },
})
/** Loads that do not count. */
const WARM_UP_LOADS = 6

const rows = Number(flags.rows)
const rounds = Number(flags.rounds)
const nodes = Number(flags.nodes)
const { state, durable } = flags
if (!['cold', 'warm', 'busy'].includes(state)) throw new Error(`Expected cold, warm or busy, got ${state}`)
const fixedWindows = flags.fixed.split(',').map(Number)

const log = durable ? 'batch' : 'periodic'
console.log(`${nodes} node${nodes > 1 ? 's' : ''}, ${state}, ${log} commit log, ${rows} rows, rows/s\n`)
console.log(
  `| data | adaptive | ${fixedWindows.map(window => `fixed ${window}`).join(' | ')} | adaptive : best fixed |`,
)
console.log(`|---|--:|${fixedWindows.map(() => '--:|').join('')}--:|`)

/** Imports one file of the package. The size of the window is no option, so the bench replaces it inside the package. */
const unbundled = (file: string) => import(new URL(`unbundled/${file}`, import.meta.url).href)
const { createCassandraWritable } = (await unbundled('index.js')) as typeof import('../lib/index.ts')
const { Window } = (await unbundled('cluster/window.js')) as typeof import('../lib/cluster/window.ts')
const adaptive = Object.getOwnPropertyDescriptor(Window.prototype, 'limit')?.get
/** Fixed size of the window. Undefined for the adaptive one. */
let fixedSize: number | undefined
Object.defineProperty(Window.prototype, 'limit', {
  get(this: object) {
    return fixedSize ?? adaptive?.call(this)
  },
})

const server = state === 'cold' ? undefined : await BenchServer.start(nodes, durable)
const other = state === 'busy' ? busyProcess() : undefined
try {
  for (const data of flags.data.split(',').filter(isDataName)) await compare(data)
} finally {
  other?.kill()
  await server?.[Symbol.asyncDispose]()
}

function busyProcess(): ChildProcess {
  return spawn(process.execPath, ['--eval', 'for (;;);'], { stdio: 'ignore' })
}

/**
 * Loads with each fixed window beside an adaptive one, in pairs whose order changes, because the machine changes its speed. All
 * loads run in one process, so that none includes the compilation of code.
 */
async function compare(data: DataName): Promise<void> {
  const all = [...generate(dataSets[data], rows)]
  const pairs = fixedWindows.map(window => ({ window, rates: [] as number[], ratios: [] as number[] }))
  const own: number[] = []
  await server?.createTable(`rows_${data}`, dataSets[data])
  for (let i = 0; state !== 'cold' && i < WARM_UP_LOADS; i++) await rateOf(data, all, undefined)
  for (let round = 0; round < rounds; round++) {
    await server?.truncate(`rows_${data}`)
    for (const [i, { window, rates, ratios }] of pairs.entries()) {
      const isFirst = (round + i) % 2 === 0
      const before = isFirst ? await rateOf(data, all, undefined) : Number.NaN
      const fixed = await rateOf(data, all, window)
      const rate = isFirst ? before : await rateOf(data, all, undefined)
      console.error(
        `(${data}) round ${round}, adaptive ${Math.round(rate)}, fixed ${window} ${Math.round(fixed)}`,
      )
      own.push(rate)
      rates.push(fixed)
      ratios.push(rate / fixed)
    }
  }
  const cells = pairs.map(({ rates, ratios }) => {
    const { mean, error } = geometric(ratios)
    return `${shown(median(rates))} (${mean.toFixed(2)} ± ${error.toFixed(2)})`
  })
  const least = Math.min(...pairs.map(({ ratios }) => geometric(ratios).mean))
  console.log(`| (${data}) | ${shown(median(own))} | ${cells.join(' | ')} | ${least.toFixed(2)} |`)
}

function shown(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

async function rateOf(data: DataName, all: readonly object[], window: number | undefined): Promise<number> {
  const table = `rows_${data}`
  const used = server ?? (await startCold(data))
  const { contactPoints, port } = used.access
  const host = contactPoints.map(point => point.replace(/:\d+$/, ''))
  fixedSize = window
  try {
    const concurrency = window === undefined ? {} : { concurrency: window }
    const sink = createCassandraWritable({ host, port, keyspace: KEYSPACE, table, ...concurrency })
    const from = performance.now()
    await pipeline(Readable.from(all), sink)
    return (rows / (performance.now() - from)) * 1000
  } finally {
    if (server === undefined) await used[Symbol.asyncDispose]()
  }
}

async function startCold(data: DataName): Promise<BenchServer> {
  const cold = await BenchServer.start(nodes, durable)
  await cold.createTable(`rows_${data}`, dataSets[data])
  return cold
}
