// npm run bench:growth  does the cost of a row stay the same with more rows, and that of a value with more columns?
import { parseArgs } from 'node:util'
import { loadInProcess } from './inProcess.ts'
import type { Measured, Method } from './job.ts'
import { median } from './median.ts'
import { lineChart } from './plot.ts'
import { saveResults } from './results.ts'
import { type DataName, dataSets } from './rows.ts'
import { BenchServer } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000,100000,1000000,5000000' },
    /** Written with 4, 40 and 400 columns. */
    values: { type: 'string', default: '2000000' },
    rounds: { type: 'string', default: '3' },
    save: { type: 'string' },
  },
})
const counts = flags.rows.split(',').map(Number)
const values = Number(flags.values)
const WIDTHS = { wide4: 4, wide40: 40, wide400: 400 } as const

/** From this number of rows on, one round is enough, because noise averages out within it. */
const ROWS_FOR_ONE_ROUND = 1_000_000

interface Point {
  readonly rows: number
  readonly columns: number
  readonly rate: number
  /** Client CPU per row in microseconds, without making the row. */
  readonly cost: number
  readonly source: number
  readonly peak_mib: number
}

const server = await BenchServer.start(1)
try {
  await pointOf('a', 200_000, 8)
  console.log(
    '| rows | rows/s | client CPU, µs per row | making a row, µs | peak MiB |\n| --: | --: | --: | --: | --: |',
  )
  const byRows: Point[] = []
  for (const rows of counts) {
    const point = await pointOf('a', rows, 8)
    byRows.push(point)
    console.log(
      `| ${whole(rows)} | ${whole(point.rate)} | ${point.cost.toFixed(1)} | ${point.source.toFixed(1)} | ${whole(point.peak_mib)} |`,
    )
  }
  console.log(
    '\n| columns | rows | rows/s | values/s | client CPU, µs per row | µs per value |\n| --: | --: | --: | --: | --: | --: |',
  )
  const byColumns: Point[] = []
  for (const [data, columns] of Object.entries(WIDTHS) as [keyof typeof WIDTHS, number][]) {
    const point = await pointOf(data, Math.round(values / columns), columns)
    byColumns.push(point)
    console.log(
      `| ${columns} | ${whole(point.rows)} | ${whole(point.rate)} | ${whole(point.rate * columns)} | ${point.cost.toFixed(1)} | ${(point.cost / columns).toFixed(2)} |`,
    )
  }
  if (flags.save !== undefined) await saveResults(flags.save, { byRows, byColumns }, plotOf(byRows))
} finally {
  await server[Symbol.asyncDispose]()
}

async function pointOf(data: DataName, rows: number, columns: number): Promise<Point> {
  const table = `rows_${data}`
  await server.createTable(table, dataSets[data])
  const load = (name: Method['name']) =>
    loadInProcess({
      access: server.access,
      table,
      data,
      rows,
      method: name === 'ours' ? { name, options: {} } : { name: 'nothing' },
      parsed: false,
    })
  const loads: Measured[] = []
  const rounds = rows > ROWS_FOR_ONE_ROUND ? 1 : Number(flags.rounds)
  for (let round = 0; round < rounds; round++) {
    await server.truncate(table)
    loads.push(await load('ours'))
    const stored = await server.count(table, rows)
    if (stored !== rows) throw new Error(`${stored} of ${rows} rows are in ${table}`)
  }
  const each = (of: (load: Measured) => number) => median(loads.map(of))
  const perRow = (seconds: number) => (seconds / rows) * 1e6
  const source = perRow((await load('nothing')).cpu_seconds)
  return {
    rows,
    columns,
    rate: rows / each(load => load.seconds),
    cost: perRow(each(load => load.cpu_seconds)) - source,
    source,
    peak_mib: each(load => load.peak_mib),
  }
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function plotOf(points: readonly Point[]): string {
  return lineChart({
    title: 'Client CPU a row as the load grows (8 columns, one row a partition)',
    xTitle: 'rows, logarithmic',
    yTitle: 'µs',
    logarithmic: true,
    lines: [{ label: 'ours', points: points.map(({ rows, cost }) => [rows, cost] as const) }],
  })
}
