// npm run bench:window  is the window that adapts as good as the best fixed one?
import { type ChildProcess, spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { loadInProcess } from './inProcess.ts'
import { median } from './median.ts'
import { type DataName, dataSets, isDataName } from './rows.ts'
import { BenchServer } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '30000' },
    rounds: { type: 'string', default: '5' },
    data: { type: 'string', default: 'a,b' },
    nodes: { type: 'string', default: '1' },
    /** Numbers of requests in flight that the adaptive window is measured against. */
    fixed: { type: 'string', default: '16,32,64,100' },
    /** Answers wait for the disk: `commitlog_sync: batch`. */
    durable: { type: 'boolean', default: false },
    /** `cold` starts a server for each load, and on a `busy` machine another process takes what it gets of a core. */
    state: { type: 'string', default: 'warm' },
  },
})
/** Loads before those that count. */
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

/** Each fixed window beside an adaptive one, in pairs whose order changes: a machine is faster at one time than at another. */
async function compare(data: DataName): Promise<void> {
  const pairs = fixedWindows.map(window => ({ window, rates: [] as number[], ratios: [] as number[] }))
  const adaptive: number[] = []
  // A server is warm after some hundred thousand rows.
  for (let i = 0; state !== 'cold' && i < WARM_UP_LOADS; i++) await rateOf(data, undefined)
  for (let round = 0; round < rounds; round++) {
    for (const [i, { window, rates, ratios }] of pairs.entries()) {
      const first = (round + i) % 2 === 0
      const before = first ? await rateOf(data, undefined) : Number.NaN
      const fixed = await rateOf(data, window)
      const own = first ? before : await rateOf(data, undefined)
      console.error(
        `(${data}) round ${round}, adaptive ${Math.round(own)}, fixed ${window} ${Math.round(fixed)}`,
      )
      adaptive.push(own)
      rates.push(fixed)
      ratios.push(own / fixed)
    }
  }
  const cells = pairs.map(({ rates, ratios }) => `${shown(median(rates))} (${median(ratios).toFixed(2)})`)
  const least = Math.min(...pairs.map(({ ratios }) => median(ratios)))
  console.log(`| (${data}) | ${shown(median(adaptive))} | ${cells.join(' | ')} | ${least.toFixed(2)} |`)
}

function shown(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

async function rateOf(data: DataName, window: number | undefined): Promise<number> {
  const table = `rows_${data}`
  const own = server ?? (await BenchServer.start(nodes, durable))
  try {
    await own.createTable(table, dataSets[data])
    if (state !== 'cold') await own.settle()
    const options = window === undefined ? {} : { concurrency: window }
    const method = { name: 'ours', options, isFixed: window !== undefined } as const
    const { seconds } = await loadInProcess({ access: own.access, table, data, rows, method, parsed: true })
    return rows / seconds
  } finally {
    if (server === undefined) await own[Symbol.asyncDispose]()
  }
}
