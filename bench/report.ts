import type { Measured } from './job.ts'
import { median } from './median.ts'
import { barChart } from './plot.ts'
import { type DataName, dataSets } from './rows.ts'
import { targets } from './targets.ts'

/** All rounds of one contender on one data set. */
export interface Result {
  readonly data: DataName
  readonly rows: number
  readonly contender: string
  readonly rounds: readonly Measured[]
}

export const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export const nodesText = (nodes: number) => `${nodes} node${nodes > 1 ? 's' : ''}`

/** Medians of the rounds. Rates are rows per second, costs are microseconds of CPU per row. */
export function summaryOf({ rows, rounds }: Result) {
  const middle = (of: (round: Measured) => number) => median(rounds.map(of))
  const rates = rounds.map(({ seconds }) => rows / seconds)
  return {
    rate: rows / middle(({ seconds }) => seconds),
    least: Math.min(...rates),
    most: Math.max(...rates),
    cost: (middle(round => round.cpu_seconds) / rows) * 1e6,
    otherCost: (middle(round => round.other_cpu_seconds) / rows) * 1e6,
    peak: middle(round => round.peak_mib),
    before: middle(round => round.before_mib),
    warnings: rounds.reduce((sum, { warnings = Number.NaN }) => sum + warnings, 0),
  }
}

/** Bars of every contender on every data set. */
export function plotOf(results: readonly Result[], nodes: number): string {
  const names = [...new Set(results.map(({ data }) => data))]
  const groups = names.map(data => ({
    title: `(${data}) ${dataSets[data].title}`,
    bars: results
      .filter(result => result.data === data)
      .map(result => {
        const { rate, least, most } = summaryOf(result)
        const { contender } = result
        return { label: contender, value: rate, least, most, accented: contender.startsWith('ours') }
      }),
  }))
  return barChart(`Rows a second, ${nodesText(nodes)}`, groups)
}

const head = [
  'contender',
  'rows/s',
  'from–to',
  'ours is faster by',
  'client CPU, µs a row',
  'ours takes',
  'other CPU, µs a row',
  'peak MiB',
  'of it before',
  'batch warnings',
]

/** One data set as Markdown, with the ratio of ours to each contender. */
export function tableOf(data: DataName, results: readonly Result[], nodes: number): string {
  const ours = results.find(({ contender }) => contender === 'ours') ?? results.at(-1)
  const lines = results.map(result => {
    const { rate, least, most, cost, otherCost, peak, before, warnings } = summaryOf(result)
    const target = targets.find(
      it => it.nodes === nodes && it.data === data && result.contender.startsWith(it.contender),
    )
    const mine = ours === undefined || ours === result ? undefined : summaryOf(ours)
    return [
      result.contender,
      `**${whole.format(rate)}**`,
      `${whole.format(least)}–${whole.format(most)}`,
      mine === undefined ? '' : atLeast(mine.rate / rate, target?.speed),
      cost.toFixed(1),
      mine === undefined ? '' : atMost(mine.cost / cost, target?.cpu),
      otherCost.toFixed(1),
      whole.format(peak),
      whole.format(before),
      Number.isNaN(warnings) ? '–' : String(warnings),
    ]
  })
  const rule = head.map((_, i) => (i === 0 ? '---' : '--:'))
  const table = [head, rule, ...lines].map(cells => `| ${cells.join(' | ')} |`).join('\n')
  return `\n### ${nodesText(nodes)}, (${data}) ${dataSets[data].title}\n\n${table}`
}

function atLeast(ratio: number, target: number | undefined): string {
  if (target === undefined) return `${ratio.toFixed(2)}×`
  return `${ratio.toFixed(2)}× (≥ ${target} ${ratio >= target ? '✓' : '✗'})`
}

function atMost(ratio: number, target: number | undefined): string {
  if (target === undefined) return `${ratio.toFixed(2)}×`
  return `${ratio.toFixed(2)}× (≤ ${target} ${ratio <= target ? '✓' : '✗'})`
}
