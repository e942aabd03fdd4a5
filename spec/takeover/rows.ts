import { type CrashRow, rowsFrom } from '../crash/rows.ts'

/** Rows that share a few keys: about as many as two owners write. */
const WINDOW = 400

/** More than a row of the source has. */
const PARTITIONS = 10

/**
 * Rows of the source. They meet those that came a little before, and later ones leave them alone: what goes wrong at any
 * moment is still in the table at the end.
 */
export function* windowedRows(seed: number, from: number, to: number): Generator<CrashRow> {
  let index = from
  for (const row of rowsFrom(seed, from, to)) {
    yield { ...row, p: row.p + PARTITIONS * Math.floor(index / WINDOW) }
    index++
  }
}
