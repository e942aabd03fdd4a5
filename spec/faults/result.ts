/** What became of the loads that one fault struck. */
export interface FaultResult {
  readonly fault: string
  /** What must hold for the rows of the load. */
  readonly promise: string
  readonly runs: number
  /** Rows that the sinks accepted, of all runs together. */
  readonly rows: number
  /** Rows said to be written that are not in the table. */
  readonly lost: number
  /** Rows of the table that nobody gave, or that an older version replaced. */
  readonly wrong: number
  /** Rows that the error names as not known to be written. */
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
