/** Maximum number of bytes of an encoded partition key, and of all clustering columns together. */
export const MAX_KEY_BYTES = 65_535

/** Bytes that each of several columns adds to the encoded key besides its own. */
export const KEY_PART_BYTES = 3

/** The hash FNV-1a with a random start per process, which makes colliding keys harder to prepare. */
const FNV_PRIME = 0x01000193
const SEED = Math.floor(Math.random() * 2 ** 32)

/** The part of an encoded row that names its partition: the columns of the key, each preceded by its length in 4 bytes. */
export interface KeyedRow {
  /** Holds the row, and others around it. */
  readonly slab: Buffer
  readonly keyStart: number
  readonly keyEnd: number
}

/**
 * The partition key as Cassandra hashes it: a single column as it is, several with a length before and a zero after each.
 */
export function partitionKeyOf({ slab, keyStart, keyEnd }: KeyedRow): Buffer {
  const first = slab.readInt32BE(keyStart)
  if (keyStart + 4 + first === keyEnd) return slab.subarray(keyStart + 4, keyEnd)
  // A length of two bytes instead of four, and a zero: one byte less per column.
  const key = Buffer.allocUnsafe(keyEnd - keyStart)
  let size = 0
  for (let at = keyStart; at < keyEnd; ) {
    const length = slab.readInt32BE(at)
    size = key.writeUInt16BE(length, size)
    size += slab.copy(key, size, at + 4, at + 4 + length)
    key[size++] = 0
    at += 4 + length
  }
  return key.subarray(0, size)
}

/** A number that is equal for rows of one partition, and seldom equal for two partitions of one flush. */
export function partitionHashOf({ slab, keyStart, keyEnd }: KeyedRow): number {
  let hash = SEED
  for (let i = keyStart; i < keyEnd; i++) hash = Math.imul(hash ^ (slab[i] as number), FNV_PRIME)
  // The low bits of a product do not depend on the high ones.
  return hash ^ (hash >>> 15)
}

/** Whether two rows of one statement belong to one partition. */
export function isSamePartition(one: KeyedRow, other: KeyedRow): boolean {
  const size = one.keyEnd - one.keyStart
  if (size !== other.keyEnd - other.keyStart) return false
  // Compared from the end: keys that count up, and texts with a common prefix, differ there.
  for (let i = 1; i <= size; i++) {
    if (one.slab[one.keyEnd - i] !== other.slab[other.keyEnd - i]) return false
  }
  return true
}
