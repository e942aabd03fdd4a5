import type { EncodedRow } from '../row/encodedRow.ts'
import { isSamePartition, partitionHashOf } from '../row/partitionKey.ts'

/**
 * Rows by operation and partition, in the order in which each was first seen. A hash table over the bytes of the keys,
 * because a Map would need a string per row.
 */
export function partitionsOf(rows: readonly EncodedRow[]): EncodedRow[][] {
  const found: EncodedRow[][] = []
  const table = new Int32Array(2 ** Math.ceil(Math.log2(2 * rows.length + 1)))
  let last: EncodedRow[] | undefined
  for (const row of rows) {
    // Sorted sources are common, and comparing two keys is cheaper than looking one up.
    if (last === undefined || !belongs(row, last)) {
      const at = bucketOf(row, table, found)
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
 * The bucket that holds, or will hold, a row's partition. A bucket has the partition's number in `found`, counted from 1. At
 * most half of the table is in use, so the search ends.
 */
function bucketOf(row: EncodedRow, table: Int32Array, found: readonly EncodedRow[][]): number {
  const mask = table.length - 1
  for (let at = partitionHashOf(row) & mask; ; at = (at + 1) & mask) {
    const number = table[at] as number
    if (number === 0 || belongs(row, found[number - 1] as EncodedRow[])) return at
  }
}

function belongs(row: EncodedRow, partition: readonly EncodedRow[]): boolean {
  const first = partition[0] as EncodedRow
  return first.statement === row.statement && isSamePartition(first, row)
}
