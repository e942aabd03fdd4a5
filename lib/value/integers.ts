import type { Bytes } from './bytes.ts'
import { driverInteger } from './driverValue.ts'
import { Refusal, wrongKind } from './refusal.ts'

/** Maximum number of digits. More would block the event loop: converting a million of them takes 0.2 s. */
const mostDigits = 1_000_000

const scratch = new DataView(new ArrayBuffer(8))

export function encodeTinyint(value: unknown, out: Bytes): void {
  out.int8(smallInteger(value, 'tinyint', 0x7f))
}

export function encodeSmallint(value: unknown, out: Bytes): void {
  const integer = smallInteger(value, 'smallint', 0x7fff)
  out.int8(integer >> 8)
  out.int8(integer)
}

export function encodeInt(value: unknown, out: Bytes): void {
  const isInt = typeof value === 'number' && (value | 0) === value
  out.int32(isInt ? value : smallInteger(value, 'int', 0x7fffffff))
}

export function encodeBigint(value: unknown, out: Bytes): void {
  encodeInt64(integerOf(value), value, 'bigint', out)
}

export function encodeVarint(value: unknown, out: Bytes): void {
  out.add(varintBytes(integerOf(value)))
}

/** The exact integer of a value. A number above 2^53 may have been rounded before, so it is refused. */
export function integerOf(value: unknown): number | bigint {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    if (!Number.isInteger(value)) throw new Refusal(value, 'is not a whole number')
    throw new Refusal(value, 'is a number beyond 2^53 - 1 and may already be rounded: give a BigInt or text')
  }
  return typeof value === 'bigint' ? value : integerOfOther(value)
}

/** Two's complement in 8 bytes. `value` is the original value, for the refusal. */
export function encodeInt64(integer: number | bigint, value: unknown, cqlType: string, out: Bytes): void {
  if (typeof integer === 'bigint' && BigInt.asIntN(64, integer) !== integer) {
    throw outOfRange(value, integer, cqlType, 2n ** 63n - 1n)
  }
  out.int64(integer)
}

/** Shortest two's complement, like Java's BigInteger. */
export function varintBytes(integer: number | bigint): Buffer {
  const wide = BigInt(integer)
  if (BigInt.asIntN(64, wide) !== wide) return longVarint(wide)
  scratch.setBigInt64(0, wide)
  const sign = scratch.getInt8(0) >> 7
  let first = 0
  // A leading byte is redundant if it only repeats the sign bit of the next byte.
  while (first < 7 && scratch.getInt8(first) === sign && scratch.getInt8(first + 1) >> 7 === sign) first++
  const bytes = Buffer.allocUnsafe(8 - first)
  for (let i = first; i < 8; i++) bytes[i - first] = scratch.getUint8(i)
  return bytes
}

function longVarint(integer: bigint): Buffer {
  const magnitude = (integer < 0n ? ~integer : integer).toString(16)
  // One more bit than the magnitude needs, for the sign.
  const size = (magnitude.length >> 1) + (magnitude.length % 2 === 1 || magnitude >= '8' ? 1 : 0)
  const hex = BigInt.asUintN(size * 8, integer).toString(16)
  return Buffer.from(hex.padStart(size * 2, '0'), 'hex')
}

function smallInteger(value: unknown, cqlType: string, largest: number): number {
  const integer = typeof value === 'number' && Number.isInteger(value) ? value : integerOf(value)
  if (integer > largest || integer < -largest - 1) throw outOfRange(value, integer, cqlType, largest)
  return Number(integer)
}

function integerOfOther(value: unknown): bigint {
  if (typeof value === 'string') {
    if (!/^-?\d+$/.test(value)) throw new Refusal(value, 'is not a whole number in decimal digits')
    if (value.length > mostDigits) throw new Refusal(value, `has more than ${mostDigits} digits`)
    return BigInt(value)
  }
  const integer = typeof value === 'object' && value !== null ? driverInteger(value) : undefined
  if (integer === undefined) throw wrongKind(value)
  return integer
}

function outOfRange(
  value: unknown,
  integer: number | bigint,
  cqlType: string,
  largest: number | bigint,
): Refusal {
  if (integer > 0) return new Refusal(value, `is above the largest ${cqlType}, ${largest}`)
  const smallest = typeof largest === 'bigint' ? -largest - 1n : -largest - 1
  return new Refusal(value, `is below the smallest ${cqlType}, ${smallest}`)
}

export function decodeTinyint(bytes: Buffer, from: number): number {
  return bytes.readInt8(from)
}

export function decodeSmallint(bytes: Buffer, from: number): number {
  return bytes.readInt16BE(from)
}

export function decodeInt(bytes: Buffer, from: number): number {
  return bytes.readInt32BE(from)
}

export function decodeBigint(bytes: Buffer, from: number): bigint {
  return bytes.readBigInt64BE(from)
}

export function decodeVarint(bytes: Buffer, from: number, to: number): bigint {
  const size = to - from
  if (size <= 6) return BigInt(size === 0 ? 0 : bytes.readIntBE(from, size))
  return BigInt.asIntN(size * 8, BigInt(`0x${bytes.toString('hex', from, to)}`))
}

/** Decimal digits, because readers of JSON round numbers beyond 2^53. */
export function decodeBigintText(bytes: Buffer, from: number): string {
  return String(bytes.readBigInt64BE(from))
}

export function decodeVarintText(bytes: Buffer, from: number, to: number): string {
  return String(decodeVarint(bytes, from, to))
}
