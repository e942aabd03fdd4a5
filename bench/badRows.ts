// npm run bench:bad-rows  what does `on_bad_row` cost, without a bad row and with one row in a hundred bad?
import { parseArgs } from 'node:util'
import { geometric } from './geometric.ts'
import { loadInProcess } from './inProcess.ts'
import type { Measured } from './job.ts'
import { median } from './median.ts'
import { type DataName, dataSets, isDataName } from './rows.ts'
import { BenchServer } from './server.ts'

/** The second load without a handler repeats the first. Their ratio is the noise of the machine. */
const contenders = [
  { name: 'no handler', more: {} },
  { name: 'no handler, again', more: {} },
  { name: 'handler, no bad rows', more: { handler: true } },
  { name: 'handler, 1 % bad rows', more: { handler: true, bad: 0.01 } },
] as const

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '6' },
    /** Rounds that do not count, because a new server is slow. */
    'warm-up': { type: 'string', default: '3' },
    data: { type: 'string', default: 'a,b' },
  },
})
const rows = Number(flags.rows)
/** Microseconds of CPU per row. */
const cost = ({ cpu_seconds }: Measured) => (cpu_seconds / rows) * 1e6

const server = await BenchServer.start(1)
try {
  for (const data of flags.data.split(',').filter(isDataName)) await compare(data)
} finally {
  await server[Symbol.asyncDispose]()
}

/** All loads take turns there and back. Ratios are those of the loads of one round. */
async function compare(data: DataName): Promise<void> {
  await server.createTable(`rows_${data}`, dataSets[data])
  const results = contenders.map(contender => ({ ...contender, measured: [] as Measured[] }))
  for (let round = -Number(flags['warm-up']); round < Number(flags.rounds); round++) {
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      const measured = await oneLoad(data, result.more)
      const rate = Math.round(rows / measured.seconds)
      console.error(
        `(${data}) round ${round}, ${result.name}: ${rate} rows/s, ${cost(measured).toFixed(2)} µs per row`,
      )
      if (round >= 0) result.measured.push(measured)
    }
  }
  const [first = { measured: [] }] = results
  console.log(`\n### (${data}) ${dataSets[data].title}, ${rows} rows, ${flags.rounds} rounds\n`)
  console.log(
    '| | rows/s | ratio by pairs | client CPU, µs per row | ratio by pairs | set aside |\n|---|--:|--:|--:|--:|--:|',
  )
  for (const { name, measured } of results) {
    const ratio = (of: (load: Measured) => number) =>
      measured === first.measured
        ? ''
        : shown(measured.map((load, i) => of(load) / of(first.measured[i] ?? load)))
    const cells = [
      name,
      Math.round(rows / median(measured.map(({ seconds }) => seconds))),
      ratio(({ seconds }) => 1 / seconds),
      median(measured.map(cost)).toFixed(2),
      ratio(cost),
      measured[0]?.set_aside,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

function shown(ratios: readonly number[]): string {
  const { mean, error } = geometric(ratios)
  return `${mean.toFixed(3)} ± ${error.toFixed(3)}`
}

async function oneLoad(data: DataName, more: { handler?: boolean; bad?: number }): Promise<Measured> {
  const table = `rows_${data}`
  await server.truncate(table)
  const method = { name: 'ours', options: {}, ...more } as const
  const measured = await loadInProcess({ access: server.access, table, data, rows, method, parsed: true })
  const bad = Math.floor(rows * (more.bad ?? 0))
  if (measured.set_aside !== bad) throw new Error(`${measured.set_aside} of ${bad} bad rows were set aside`)
  return measured
}
