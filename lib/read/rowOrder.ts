import { partitionKeyOf } from '../row/partitionKey.ts'
import type { TableSchema } from '../table/schema.ts'
import type { Order } from '../value/compiledType.ts'
import { orderOf } from '../value/encoder.ts'
import { LENGTH_BYTES } from './cells.ts'

const TOKEN_BYTES = 8
/** Below zero, zero or above zero if `a` comes before, with or after `b`. Both are keys of a `Place`. */
export type RowOrder = (one: Buffer, other: Buffer) => number

/**
 * The order in which Cassandra returns rows: by token, then by the bytes of the partition key, then by clustering columns. If
 * `where` names the partitions, they come in the order of their keys and not of their tokens.
 */
export function rowOrderOf({ columns }: TableSchema, byToken: boolean): RowOrder {
  const keys = columns.filter(({ kind }) => kind === 'partition_key')
  const clustering = columns.filter(({ kind }) => kind === 'clustering')
  const ordered = (byToken ? clustering : [...keys, ...clustering]).map(({ type, isDescending }) =>
    partOrder(orderOf(type), isDescending === true),
  )
  const byParts: RowOrder = (one, other) => {
    const [mine, others] = [partsOf(one), partsOf(other)]
    const from = mine.length - ordered.length
    return firstDifference(ordered, (order, i) => order(mine[from + i], others[from + i]))
  }
  if (!byToken) return byParts
  return (one, other) =>
    compareTokens(one, other) ||
    partitionOf(one, keys.length).compare(partitionOf(other, keys.length)) ||
    byParts(one, other)
}

function firstDifference<T>(each: readonly T[], compare: (one: T, i: number) => number): number {
  for (const [i, one] of each.entries()) {
    const difference = compare(one, i)
    if (difference !== 0) return difference
  }
  return 0
}

function compareTokens(one: Buffer, other: Buffer): number {
  const difference = one.readBigInt64BE(0) - other.readBigInt64BE(0)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Absent values come first, such as the clustering columns of a row with static columns only. Then empty values. */
function partOrder(order: Order, isDescending: boolean) {
  return (one: Buffer | null = null, other: Buffer | null = null): number => {
    if (one === null || other === null) return Number(one !== null) - Number(other !== null)
    const difference =
      one.length === 0 || other.length === 0
        ? one.length - other.length
        : order(Buffer.concat([one, other]), 0, one.length, one.length, one.length + other.length)
    return isDescending ? -difference : difference
  }
}

/** The columns of a key. Null for an absent one. */
function partsOf(key: Buffer): (Buffer | null)[] {
  const parts: (Buffer | null)[] = []
  for (let at = TOKEN_BYTES; at < key.length; ) {
    const length = key.readInt32BE(at)
    at += LENGTH_BYTES
    parts.push(length < 0 ? null : key.subarray(at, at + length))
    at += Math.max(0, length)
  }
  return parts
}

/** The partition key as Cassandra compares it if tokens are equal. */
function partitionOf(key: Buffer, columns: number): Buffer {
  let end = TOKEN_BYTES
  for (let i = 0; i < columns; i++) end += LENGTH_BYTES + Math.max(0, key.readInt32BE(end))
  return partitionKeyOf({ slab: key, keyStart: TOKEN_BYTES, keyEnd: end })
}
