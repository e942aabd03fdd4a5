/** Most bytes of a partition key, of each of its parts, and of all clustering columns together. */
export const MAX_KEY_BYTES = 65_535

/**
 * The partition key as Cassandra hashes it: one column as it is, several each with its length before and a zero after.
 */
export function encodePartitionKey(keys: readonly Buffer[], count: number): Buffer {
  if (count === 1 && keys[0] !== undefined) return keys[0]
  let size = 0
  for (let i = 0; i < count; i++) size += (keys[i]?.length ?? 0) + 3
  const encoded = Buffer.allocUnsafe(size)
  let at = 0
  for (let i = 0; i < count; i++) {
    const key = keys[i]
    if (key === undefined) continue
    at = encoded.writeUInt16BE(key.length, at)
    at += key.copy(encoded, at)
    encoded[at++] = 0
  }
  return encoded
}
