import type { RowRange } from '../errors.ts'

/** Merges row indexes into sorted ranges. Duplicates are ignored. */
export function rangesOf(indexes: Iterable<number>): RowRange[] {
  const ranges: { from: number; to: number }[] = []
  for (const index of Float64Array.from(indexes).sort()) {
    const last = ranges.at(-1)
    if (last !== undefined && index <= last.to + 1) last.to = index
    else ranges.push({ from: index, to: index })
  }
  return ranges
}
