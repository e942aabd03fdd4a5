import type { Identity, Order } from './compiledType.ts'
import { varintOrder } from './order.ts'

/** To Cassandra, decimals with the same value are equal, whatever their scales: 1.0 equals 1.00. */

/** A prime of 127 bits, so that two different values hardly ever share a residue. */
const PRIME = 2n ** 127n - 1n
const TENTH = power(10n, PRIME - 2n)

/** Powers for the scales that most decimals have. */
const usualTens = Array.from({ length: 20 }, (_, scale) => power(TENTH, BigInt(scale)))

/** The value modulo a prime. Removing trailing zeros instead would take more than linear time. */
export const decimalIdentity: Identity = bytes => {
  const unscaled = unscaledIn(bytes, 4, bytes.length) % PRIME
  return ((unscaled * tensOf(bytes.readInt32BE(0))) % PRIME).toString(16)
}

export const decimalOrder: Order = (bytes, a, aEnd, b, bEnd) => {
  const difference = bytes.readInt32BE(a) - bytes.readInt32BE(b)
  if (difference === 0) return varintOrder(bytes, a + 4, aEnd, b + 4, bEnd)
  const sign = signumOf(bytes, a + 4, aEnd)
  if (sign !== signumOf(bytes, b + 4, bEnd)) return sign - signumOf(bytes, b + 4, bEnd)
  const size = magnitudeOf(bytes, a, aEnd) - magnitudeOf(bytes, b, bEnd)
  // Only values of nearly equal size are multiplied out, so that an exponent cannot cause work for millions of digits.
  if (Math.abs(size) > 1) return sign * size
  const tens = 10n ** BigInt(Math.abs(difference))
  const left = unscaledIn(bytes, a + 4, aEnd) * (difference < 0 ? tens : 1n)
  const right = unscaledIn(bytes, b + 4, bEnd) * (difference > 0 ? tens : 1n)
  return left < right ? -1 : left > right ? 1 : 0
}

function unscaledIn(bytes: Buffer, from: number, end: number): bigint {
  return BigInt.asIntN(8 * (end - from), BigInt(`0x${bytes.toString('hex', from, end)}`))
}

function signumOf(bytes: Buffer, from: number, end: number): number {
  const first = bytes.readInt8(from)
  return first < 0 ? -1 : end - from === 1 && first === 0 ? 0 : 1
}

/** The decimal exponent of a value, at most 0.4 off. */
function magnitudeOf(bytes: Buffer, from: number, end: number): number {
  const first = bytes.readInt8(from + 4)
  const bits = 8 * (end - from - 4) - Math.clz32(first < 0 ? ~first : first) + 24
  return bits * Math.log10(2) - bytes.readInt32BE(from)
}

/** 10 to the power of -scale, modulo the prime. */
function tensOf(scale: number): bigint {
  return usualTens[scale] ?? power(scale > 0 ? TENTH : 10n, BigInt(Math.abs(scale)))
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let factor = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % PRIME
    factor = (factor * factor) % PRIME
  }
  return result
}
