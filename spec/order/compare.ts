import { inspect, isDeepStrictEqual } from 'node:util'
import type { ModelRow } from './model.ts'

/** Columns with a single cell, whose write time and time to live can be selected. */
const timedColumns = ['s', 'a', 'b', 'fl', 'fm'] as const

/** The selected columns, with `writetime` and `ttl` of each timed column. */
export const selection = [
  'p, c, s, ss, sl, a, b, fl, fm, e, m, l, u',
  ...timedColumns.map(name => `writetime(${name}) AS ${name}_written, ttl(${name}) AS ${name}_lives`),
].join(', ')

/** Longest time of a history in seconds, also on a busy machine. */
const LONGEST_HISTORY_S = 600

export type TableRow = Readonly<Record<string, unknown>>

/** Every difference between a table and its expected rows, in words. */
export function differences(
  expected: readonly ModelRow[],
  found: readonly TableRow[],
  ownOrder: boolean,
): string[] {
  const said: string[] = []
  const byKey = new Map(found.map(row => [`${row['p']} ${row['c']}`, row]))
  const times: { order: number; written: number; where: string }[] = []
  for (const { p, c, cells } of expected) {
    const where = `row ${p} ${c}`
    const row = byKey.get(`${p} ${c}`)
    byKey.delete(`${p} ${c}`)
    if (row === undefined) {
      said.push(`${where} is missing`)
      continue
    }
    for (const name of Object.keys(row)) {
      if (name === 'p' || name === 'c' || /_(?:written|lives)$/.test(name)) continue
      const value = cells.get(name)?.value ?? null
      if (!isDeepStrictEqual(plain(row[name]), value)) {
        said.push(`${where}, ${name}: expected ${inspect(value)}, found ${inspect(plain(row[name]))}`)
      }
    }
    for (const name of timedColumns) {
      const cell = cells.get(name)
      if (cell === undefined || row[name] === null) continue
      const lives = row[`${name}_lives`] as number | null
      if (!livesFor(lives, cell.ttl)) {
        said.push(`${where}, ${name}: expected to live ${cell.ttl} s, found ${lives} s`)
      }
      times.push({ order: cell.order, written: Number(row[`${name}_written`]), where: `${where}, ${name}` })
    }
  }
  for (const key of byKey.keys()) said.push(`row ${key} must not be there`)
  said.push(...timeDifferences(times, ownOrder))
  return said
}

function livesFor(found: number | null, ttl: number | undefined): boolean {
  if (ttl === undefined || found === null) return ttl === undefined && found === null
  return found <= ttl && found > ttl - LONGEST_HISTORY_S
}

/** Checks that write times rise in the order of rows, and that cells of one row have the same write time. */
function timeDifferences(
  times: { order: number; written: number; where: string }[],
  ownOrder: boolean,
): string[] {
  const said: string[] = []
  times.sort((one, other) => one.order - other.order)
  for (const [i, { order, written, where }] of times.entries()) {
    const before = times[i - 1]
    if (ownOrder && (written < order || written >= order + 64)) {
      said.push(`${where}: expected the write time ${order}, found ${written}`)
    }
    if (before === undefined) continue
    const isRight = before.order === order ? before.written === written : before.written < written
    if (!isRight)
      said.push(`${where}: written at ${written}, but the earlier ${before.where} at ${before.written}`)
  }
  return said
}

/** Values of the driver without their classes. A user-defined type has its own prototype. */
function plain(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (typeof value !== 'object' || Array.isArray(value)) return value
  return { ...value }
}
