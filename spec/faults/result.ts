/** The result of all loads with one fault. */
export interface FaultResult {
  readonly fault: string
  /** What must hold for the rows of the load. */
  readonly promise: string
  readonly runs: number
  /** Rows that the sinks accepted, summed over all runs. */
  readonly rows: number
  /** Rows that were reported as written and are not in the table. */
  readonly lost: number
  /** Rows in the table that the source never had, or of which it had a newer version. */
  readonly wrong: number
  /** Rows that the error reports as not known to be written. */
  readonly reported: number
  readonly took_ms: number
}

/** The first two lines of the Markdown table. */
export const HEADER = [
  '| fault | promise | runs | rows | lost | wrong | reported | time |',
  '|---|---|---:|---:|---:|---:|---:|---:|',
].join('\n')

/** One row of the Markdown table. */
export function toRow({ fault, promise, runs, rows, lost, wrong, reported, took_ms }: FaultResult): string {
  const counts = [runs, rows, lost, wrong, reported].map(count => count.toLocaleString('en'))
  const cells = [fault, promise, ...counts, `${(took_ms / 1000).toFixed(1)} s`]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
