import { barChart } from './plot.ts'
import { nodesText, type Result, summaryOf, whole } from './report.ts'
import { dataSets } from './rows.ts'

const titleOf = ({ data, rows }: Result) => `${whole.format(rows)} rows, (${data}) ${dataSets[data].title}`

/** Bars of every reader on every table. */
export function readPlotOf(results: readonly Result[], nodes: number): string {
  const groups = [...new Set(results.map(titleOf))].map(title => ({
    title,
    bars: results
      .filter(result => titleOf(result) === title)
      .map(result => {
        const { rate, least, most } = summaryOf(result)
        const { contender } = result
        return { label: contender, value: rate, least, most, accented: contender === 'ours' }
      }),
  }))
  return barChart(`Rows read per second, whole processes, ${nodesText(nodes)}`, groups)
}

const head = [
  'reader',
  'rows/s',
  'from–to',
  'ours is faster by',
  'client CPU, µs per row',
  'ours takes',
  'other CPU, µs per row',
  'peak MiB',
]

/** One table as Markdown, with the ratio of ours to each reader. */
export function readTableOf(results: readonly Result[], nodes: number): string {
  const ours = results.find(({ contender }) => contender === 'ours')
  const lines = results.map(result => {
    const { rate, least, most, cost, otherCost, peak } = summaryOf(result)
    const mine = ours === undefined || ours === result ? undefined : summaryOf(ours)
    return [
      result.contender,
      `**${whole.format(rate)}**`,
      `${whole.format(least)}–${whole.format(most)}`,
      mine === undefined ? '' : `${(mine.rate / rate).toFixed(2)}×`,
      cost.toFixed(1),
      mine === undefined ? '' : `${(mine.cost / cost).toFixed(2)}×`,
      otherCost.toFixed(1),
      whole.format(peak),
    ]
  })
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'))
  const table = [head, rule, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  const [first] = results
  return `\n### ${nodesText(nodes)}, ${first === undefined ? '' : titleOf(first)}\n\n${table}`
}
