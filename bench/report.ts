import type { Measured } from './job.ts'
import { median } from './median.ts'
import { barChart } from './plot.ts'
import { saveResults } from './results.ts'
import { type DataName, dataSets } from './rows.ts'
import { targets } from './targets.ts'

/** All rounds of one contender on one data set. */
export interface Result {
  readonly data: DataName
  readonly rows: number
  readonly contender: string
  readonly rounds: readonly Measured[]
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** Prints a table a data set; with a name it also keeps the figures. */
export async function report(
  results: readonly Result[],
  nodes: number,
  save: string | undefined,
): Promise<void> {
  for (const data of new Set(results.map(({ data }) => data))) {
    const here = results.filter(result => result.data === data)
    console.log(`\n### ${nodes} node${nodes > 1 ? 's' : ''}, (${data}) ${dataSets[data].title}\n`)
    console.log(tableOf(here, nodes))
  }
  if (save !== undefined) await saveResults(save, { nodes, results }, plotOf(results, nodes))
}

function plotOf(results: readonly Result[], nodes: number): string {
  const names = [...new Set(results.map(({ data }) => data))]
  const groups = names.map(data => ({
    title: `(${data}) ${dataSets[data].title}`,
    bars: results
      .filter(result => result.data === data)
      .map(({ contender, rows, rounds }) => {
        const rates = rounds.map(({ seconds }) => rows / seconds)
        return {
          label: contender,
          value: rows / median(rounds.map(({ seconds }) => seconds)),
          least: Math.min(...rates),
          most: Math.max(...rates),
          accented: contender.startsWith('ours'),
        }
      }),
  }))
  return barChart(`Rows a second, ${nodes} node${nodes > 1 ? 's' : ''}`, groups)
}

function tableOf(results: readonly Result[], nodes: number): string {
  const ours = results.find(({ contender }) => contender === 'ours') ?? results.at(-1)
  const lines = results.map(result => {
    const { data, rows, contender, rounds } = result
    const each = (of: (round: Measured) => number) => rounds.map(of)
    const rates = each(({ seconds }) => rows / seconds)
    const cost = ({ rounds }: Result) => (median(rounds.map(round => round.cpu_seconds)) / rows) * 1e6
    const speed = ({ rounds }: Result) => rows / median(rounds.map(round => round.seconds))
    const target = targets.find(
      it => it.nodes === nodes && it.data === data && contender.startsWith(it.contender),
    )
    const self = ours === undefined || ours === result
    return [
      contender,
      `**${whole.format(speed(result))}**`,
      `${whole.format(Math.min(...rates))}–${whole.format(Math.max(...rates))}`,
      self ? '' : verdict(speed(ours) / speed(result), target?.speed, (a, b) => a >= b, '≥'),
      cost(result).toFixed(1),
      self ? '' : verdict(cost(ours) / cost(result), target?.cpu, (a, b) => a <= b, '≤'),
      ((median(each(round => round.other_cpu_seconds)) / rows) * 1e6).toFixed(1),
      whole.format(median(each(round => round.peak_mib))),
      whole.format(median(each(round => round.before_mib))),
      String(rounds.reduce((sum, { warnings = Number.NaN }) => sum + warnings, 0)).replace('NaN', '–'),
    ]
  })
  const head = [
    'contender',
    'rows/s',
    'from–to',
    'ours is faster by',
    'client CPU, µs a row',
    'ours to it',
    'other CPU, µs a row',
    'peak MiB',
    'of it before',
    'batch warnings',
  ]
  return [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...lines]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function verdict(
  ratio: number,
  target: number | undefined,
  reached: (ratio: number, target: number) => boolean,
  sign: string,
): string {
  const text = `${ratio.toFixed(2)}×`
  return target === undefined ? text : `${text} (${sign} ${target} ${reached(ratio, target) ? '✓' : '✗'})`
}
