/** Keys for given tokens. Murmur3 of a key of 16 bytes can be inverted, as in Cassandra's own tests. */

const bits = (value: bigint) => BigInt.asUintN(64, value)
const C1 = 0x87c37b91114253d5n
const C2 = 0x4cf5ad432745937fn
const M1 = 0xff51afd7ed558ccdn
const M2 = 0xc4ceb9fe1a85ec53n

/** Inverse of an odd number modulo 2^64. Each step doubles the number of correct bits. */
function inverseOf(odd: bigint): bigint {
  let found = odd
  for (let i = 0; i < 6; i++) found = bits(found * (2n - odd * found))
  return found
}

const rotateRight = (value: bigint, by: bigint) => bits((value >> by) | (value << (64n - by)))
const undoMix = (mixed: bigint) => {
  const undoShift = (value: bigint) => value ^ (value >> 33n)
  return undoShift(bits(undoShift(bits(undoShift(mixed) * inverseOf(M2))) * inverseOf(M1)))
}

/**
 * A partition key of one column of 16 bytes with this hash. The hash is the token, except that the lowest hash becomes the
 * highest token.
 *
 * @param variant another number gives another key of the same token
 */
export function keyOf(hash: bigint, variant = 0n): Buffer {
  let h1 = bits(hash)
  let h2 = bits(variant)
  h2 = bits(h2 - h1)
  h1 = undoMix(bits(h1 - h2))
  h2 = undoMix(h2)
  h2 = bits(h2 - h1)
  h1 = bits(h1 - h2)
  h1 ^= 16n
  h2 ^= 16n
  const fifth = inverseOf(5n)
  const k2 = rotateRight(bits(bits(h2 - 0x38495ab5n) * fifth - h1), 31n)
  const k1 = rotateRight(bits(bits(h1 - 0x52dce729n) * fifth), 27n)
  const key = Buffer.alloc(16)
  key.writeBigUInt64LE(bits(rotateRight(bits(k1 * inverseOf(C2)), 31n) * inverseOf(C1)), 0)
  key.writeBigUInt64LE(bits(rotateRight(bits(k2 * inverseOf(C1)), 33n) * inverseOf(C2)), 8)
  return key
}
