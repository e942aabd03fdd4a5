import type { Order } from './compiledType.ts'

/** The order in which the server keeps elements and keys: the `compareCustom` of each `AbstractType`. */

/** By unsigned bytes. A prefix comes first. */
export const byteOrder: Order = (bytes, a, aEnd, b, bEnd) => {
  const shared = Math.min(aEnd - a, bEnd - b)
  for (let i = 0; i < shared; i++) {
    const difference = (bytes[a + i] as number) - (bytes[b + i] as number)
    if (difference !== 0) return difference
  }
  return aEnd - a - (bEnd - b)
}

/** Two's complement of one size. */
export const signedOrder: Order = (bytes, a, aEnd, b, bEnd) =>
  signOf(bytes, a) - signOf(bytes, b) || byteOrder(bytes, a, aEnd, b, bEnd)

/** IEEE 754 in the order of `Double.compareTo`: -0 before 0, NaN last. */
export const floatOrder: Order = (bytes, a, aEnd, b, bEnd) => {
  const sign = signOf(bytes, a)
  if (sign !== signOf(bytes, b)) return sign || 1
  return sign < 0 ? byteOrder(bytes, b, bEnd, a, aEnd) : byteOrder(bytes, a, aEnd, b, bEnd)
}

/** Shortest two's complement. Of two positive numbers, the longer one is larger. */
export const varintOrder: Order = (bytes, a, aEnd, b, bEnd) => {
  const sign = signOf(bytes, a)
  if (sign !== signOf(bytes, b)) return sign || 1
  const longer = aEnd - a - (bEnd - b)
  if (longer !== 0) return sign < 0 ? -longer : longer
  return byteOrder(bytes, a, aEnd, b, bEnd)
}

/** By version. Version 1 by time, all others by their bytes. */
export const uuidOrder: Order = (bytes, a, aEnd, b, bEnd) => {
  const version = versionOf(bytes, a)
  return (
    version - versionOf(bytes, b) ||
    (version === 1 ? timeOrder(bytes, a, b) : 0) ||
    byteOrder(bytes, a, aEnd, b, bEnd)
  )
}

/** By time, then by the other 8 bytes, which are signed here (CASSANDRA-8730). */
export const timeuuidOrder: Order = (bytes, a, _aEnd, b) => {
  let difference = timeOrder(bytes, a, b)
  for (let i = 8; i < 16 && difference === 0; i++) difference = signed(bytes[a + i]) - signed(bytes[b + i])
  return difference
}

/** Bytes of the time in a UUID of version 1, highest first. */
const timeBytes = [6, 7, 4, 5, 0, 1, 2, 3] as const

function timeOrder(bytes: Uint8Array, a: number, b: number): number {
  for (const i of timeBytes) {
    const difference = (bytes[a + i] as number) - (bytes[b + i] as number)
    if (difference !== 0) return difference
  }
  return 0
}

function versionOf(bytes: Uint8Array, uuid: number): number {
  return (bytes[uuid + 6] as number) >> 4
}

function signed(byte = 0): number {
  return (byte << 24) >> 24
}

/** -1 for negative numbers, else 0. */
function signOf(bytes: Uint8Array, number: number): number {
  return signed(bytes[number]) >> 7
}
