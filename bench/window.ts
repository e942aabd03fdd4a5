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
    rounds: { type: 'string', default: '3' },
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
const rows = Number(flags.rows)
const rounds = Number(flags.rounds)
const nodes = Number(flags.nodes)
const { state, durable } = flags
if (!['cold', 'warm', 'busy'].includes(state)) throw new Error(`Expected cold, warm or busy, got ${state}`)
const windows = [undefined, ...flags.fixed.split(',').map(Number)]
const nameOf = (window: number | undefined) => (window === undefined ? 'adaptive' : `fixed ${window}`)

const log = durable ? 'batch' : 'periodic'
console.log(`${nodes} node${nodes > 1 ? 's' : ''}, ${state}, ${log} commit log, ${rows} rows, rows/s\n`)
console.log(`| data | ${windows.map(nameOf).join(' | ')} | adaptive : best fixed |`)
console.log(`|---|${windows.map(() => '--:|').join('')}--:|`)
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

/** All windows in turn, there and back again. */
async function compare(data: DataName): Promise<void> {
  const entries = windows.map(window => ({ window, rates: [] as number[] }))
  const first = state === 'cold' ? 1 : -1
  for (let round = first; round <= rounds; round++) {
    for (const { window, rates } of round % 2 === 0 ? entries : entries.toReversed()) {
      const rate = await rateOf(data, window)
      console.error(`(${data}) round ${round}, ${nameOf(window)}: ${Math.round(rate)} rows/s`)
      // Two rounds warm the server up.
      if (round > 0) rates.push(rate)
    }
  }
  const [adaptive = Number.NaN, ...fixed] = entries.map(({ rates }) => median(rates))
  const cells = [adaptive, ...fixed].map(rate => Math.round(rate).toLocaleString('en'))
  console.log(`| (${data}) | ${cells.join(' | ')} | ${(adaptive / Math.max(...fixed)).toFixed(2)} |`)
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
