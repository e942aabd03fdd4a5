import type { BindValue } from './bind.ts'

/** Most bytes of an encoded partition key, and of all clustering columns together. */
export const MAX_KEY_BYTES = 65_535

/** What each of several columns adds to the encoded key beside its own bytes. */
export const KEY_PART_BYTES = 3

/**
 * The partition key as Cassandra hashes it: one column as it is, several each with its length before and a zero after.
 * The columns are the `count` values that begin at `from`.
 */
export function encodePartitionKey(values: readonly BindValue[], from: number, count: number): Buffer {
  if (count === 1) return values[from] as Buffer
  let size = 0
  for (let i = from; i < from + count; i++) size += (values[i] as Buffer).length + KEY_PART_BYTES
  const encoded = Buffer.allocUnsafe(size)
  let at = 0
  for (let i = from; i < from + count; i++) {
    const key = values[i] as Buffer
    at = encoded.writeUInt16BE(key.length, at)
    at += key.copy(encoded, at)
    encoded[at++] = 0
  }
  return encoded
}
