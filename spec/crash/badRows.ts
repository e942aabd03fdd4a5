import { integerBelow, randomFrom } from '../random.ts'
import type { CrashRow } from './rows.ts'

/** More bytes than an index accepts. Only Cassandra refuses such a row. */
const TOO_LONG = 'x'.repeat(70_000)

/** What is wrong with the row at `index`. The sink refuses the first kind; only Cassandra refuses the second. */
export function flawAt(seed: number, index: number): 'no number' | 'too long' | undefined {
  const draw = integerBelow(200, randomFrom(seed ^ Math.imul(index + 1, 0x85ebca6b)))
  return draw === 0 ? 'too long' : draw < 8 ? 'no number' : undefined
}

/** Rows of the source. Some of them cannot be stored in a table with an index on `t`. */
export function* withFlaws(rows: Iterable<CrashRow>, seed: number, from: number): Generator<CrashRow> {
  let index = from
  for (const row of rows) {
    const flaw = flawAt(seed, index++)
    if (flaw === undefined) yield row
    else yield { p: row.p, c: row.c ?? 0, op: '', ...(flaw === 'too long' ? { t: TOO_LONG } : { v: flaw }) }
  }
}
