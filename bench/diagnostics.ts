// npm run bench:diagnostics  what do the diagnostics channels cost, with subscribers and without?
import { parseArgs } from 'node:util'
import { channels, isTraced } from '../lib/diagnostics.ts'
import { loadInProcess } from './inProcess.ts'
import { median } from './median.ts'
import { type DataName, dataSets, isDataName } from './rows.ts'
import { BenchServer } from './server.ts'

const CHECKS = 50_000_000

/** The second load without subscribers repeats the first. Their difference is the noise of the machine. */
const contenders = [
  { name: 'nobody subscribes', observed: false },
  { name: 'nobody, again', observed: false },
  { name: 'every channel has a subscriber', observed: true },
] as const

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '3' },
    data: { type: 'string', default: 'a,b' },
  },
})
const rows = Number(flags.rows)
const rounds = Number(flags.rounds)

console.log(`A request asks whether anybody subscribes: ${checkCost().toFixed(1)} ns\n`)
const server = await BenchServer.start(1)
try {
  for (const data of flags.data.split(',').filter(isDataName)) await compare(data)
} finally {
  await server[Symbol.asyncDispose]()
}

/** Nanoseconds that a request takes to find out that nobody subscribes. */
function checkCost(): number {
  let traced = 0
  const check = () => {
    for (let i = 0; i < CHECKS; i++) if (isTraced(channels.request)) traced++
  }
  check()
  const from = process.cpuUsage()
  check()
  const { user, system } = process.cpuUsage(from)
  if (traced > 0) throw new Error('Expected no subscriber to the requests of this process')
  return ((user + system) * 1000) / CHECKS
}

async function compare(data: DataName): Promise<void> {
  const table = `rows_${data}`
  await server.createTable(table, dataSets[data])
  const results = contenders.map(({ name, observed }) => ({
    name,
    observed,
    costs: [] as number[],
    requests: 0,
    messages: 0,
  }))
  // The first round warms the server up.
  for (let round = 0; round <= rounds; round++) {
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      await server.truncate(table)
      const { observed } = result
      const method = { name: 'ours', options: {} } as const
      const job = { access: server.access, table, data, rows, method, parsed: true, observed }
      const { cpu_seconds, requests = 0, messages = 0 } = await loadInProcess(job)
      if (observed !== messages > 0) throw new Error(`${messages} messages of diagnostics channels came`)
      if (round === 0) continue
      result.costs.push((cpu_seconds / rows) * 1e6)
      Object.assign(result, { requests, messages })
    }
  }
  console.log(`### (${data}) ${dataSets[data].title}\n`)
  console.log('| | client CPU, µs per row | from–to | requests | messages |\n| --- | --: | --: | --: | --: |')
  for (const { name, costs, requests, messages } of results) {
    const range = `${Math.min(...costs).toFixed(2)}–${Math.max(...costs).toFixed(2)}`
    console.log(
      `| ${name} | ${median(costs).toFixed(2)} | ${range} | ${whole(requests)} | ${whole(messages)} |`,
    )
  }
  console.log()
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}
