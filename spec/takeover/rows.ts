import { type CrashRow, rowsFrom } from '../crash/rows.ts'

/** Number of rows that share a few keys. About as many as two owners write. */
const WINDOW = 400

/** More than the partitions of the source. */
const PARTITIONS = 10

/**
 * Rows of the source. A row overwrites only rows that came shortly before, so an error at any moment is still in the table at
 * the end.
 */
export function* windowedRows(seed: number, from: number, to: number): Generator<CrashRow> {
  let index = from
  for (const row of rowsFrom(seed, from, to)) {
    yield { ...row, p: row.p + PARTITIONS * Math.floor(index / WINDOW) }
    index++
  }
}
