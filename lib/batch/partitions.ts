import type { EncodedRow } from '../row/encodedRow.ts'
import { isSamePartition, partitionHashOf } from '../row/partitionKey.ts'

/**
 * Rows by operation and partition, in the order in which each was first seen. A hash table over the bytes of the keys:
 * a Map would need a text for each row.
 */
export function partitionsOf(rows: readonly EncodedRow[]): EncodedRow[][] {
  const found: EncodedRow[][] = []
  const table = new Int32Array(2 ** Math.ceil(Math.log2(2 * rows.length + 1)))
  let last: EncodedRow[] | undefined
  for (const row of rows) {
    // Sorted sources are common, and comparing two keys is cheaper than looking one up.
    if (last === undefined || !belongs(row, last)) {
      const at = placeOf(row, table, found)
      last = found[(table[at] as number) - 1]
      if (last === undefined) {
        last = [row]
        table[at] = found.push(last)
        continue
      }
    }
    last.push(row)
  }
  return found
}

/**
 * Where in the table the partition of a row stands, by its place in `found` from 1 on, or shall stand. At most half of
 * the table is taken, so the search ends.
 */
function placeOf(row: EncodedRow, table: Int32Array, found: readonly EncodedRow[][]): number {
  const mask = table.length - 1
  for (let at = partitionHashOf(row) & mask; ; at = (at + 1) & mask) {
    const place = table[at] as number
    if (place === 0 || belongs(row, found[place - 1] as EncodedRow[])) return at
  }
}

function belongs(row: EncodedRow, partition: readonly EncodedRow[]): boolean {
  const first = partition[0] as EncodedRow
  return first.statement === row.statement && isSamePartition(first, row)
}
