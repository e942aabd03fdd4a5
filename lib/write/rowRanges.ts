import type { RowRange } from '../errors.ts'

/** Row indexes in any order → ranges without gaps, in order. Each index counts once. */
export function rangesOf(indexes: Iterable<number>): RowRange[] {
  const ranges: { from: number; to: number }[] = []
  for (const index of Float64Array.from(indexes).sort()) {
    const last = ranges.at(-1)
    if (last !== undefined && index <= last.to + 1) last.to = index
    else ranges.push({ from: index, to: index })
  }
  return ranges
}
