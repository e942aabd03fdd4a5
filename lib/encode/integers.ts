import { driverInteger } from './driverValue.ts'
import { Refusal, wrongKind } from './refusal.ts'

/** Longer digits would block the event loop: a million of them take 0.2 s to convert. */
const mostDigits = 1_000_000

const scratch = new DataView(new ArrayBuffer(8))

export function encodeTinyint(value: unknown): Buffer {
  const bytes = Buffer.allocUnsafe(1)
  bytes[0] = smallInteger(value, 'tinyint', 0x7f)
  return bytes
}

export function encodeSmallint(value: unknown): Buffer {
  const integer = smallInteger(value, 'smallint', 0x7fff)
  const bytes = Buffer.allocUnsafe(2)
  bytes[0] = integer >> 8
  bytes[1] = integer
  return bytes
}

export function encodeInt(value: unknown): Buffer {
  const integer =
    typeof value === 'number' && (value | 0) === value ? value : smallInteger(value, 'int', 0x7fffffff)
  const bytes = Buffer.allocUnsafe(4)
  setInt32(bytes, 0, integer)
  return bytes
}

export function encodeBigint(value: unknown): Buffer {
  return int64(integerOf(value), value, 'bigint')
}

export function encodeVarint(value: unknown): Buffer {
  return varintBytes(integerOf(value), 0)
}

/** The integer that a value stands for, exactly. A number above 2^53 may have been rounded on its way here. */
export function integerOf(value: unknown): number | bigint {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    if (!Number.isInteger(value)) throw new Refusal(value, 'is not a whole number')
    throw new Refusal(value, 'is a number beyond 2^53 - 1 and may already be rounded: give a BigInt or text')
  }
  return typeof value === 'bigint' ? value : integerOfOther(value)
}

/** Two's complement in 8 bytes. `value` is what the caller was given, for the refusal. */
export function int64(integer: number | bigint, value: unknown, cqlType: string): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  if (typeof integer === 'number') {
    setInt32(bytes, 0, Math.floor(integer / 0x1_0000_0000))
    // `| 0` keeps the low 32 bits of a safe integer, whatever its size.
    setInt32(bytes, 4, integer | 0)
    return bytes
  }
  if (BigInt.asIntN(64, integer) !== integer) throw outOfRange(value, integer, cqlType, 2n ** 63n - 1n)
  scratch.setBigInt64(0, integer)
  setInt32(bytes, 0, scratch.getInt32(0))
  setInt32(bytes, 4, scratch.getInt32(4))
  return bytes
}

/** Big-endian, as all of the protocol. Writing the bytes here is faster than Buffer's checked writers. */
export function setInt32(bytes: Buffer, offset: number, integer: number): void {
  bytes[offset] = integer >> 24
  bytes[offset + 1] = integer >> 16
  bytes[offset + 2] = integer >> 8
  bytes[offset + 3] = integer
}

/** Shortest two's complement, as Java's BigInteger has it, after `offset` bytes left for the caller. */
export function varintBytes(integer: number | bigint, offset: number): Buffer {
  const wide = BigInt(integer)
  if (BigInt.asIntN(64, wide) !== wide) return longVarint(wide, offset)
  scratch.setBigInt64(0, wide)
  const sign = scratch.getInt8(0) >> 7
  let first = 0
  // A leading byte says nothing while it only repeats the sign bit of the byte after it.
  while (first < 7 && scratch.getInt8(first) === sign && scratch.getInt8(first + 1) >> 7 === sign) first++
  const bytes = Buffer.allocUnsafe(offset + 8 - first)
  for (let i = first; i < 8; i++) bytes[offset + i - first] = scratch.getUint8(i)
  return bytes
}

function longVarint(integer: bigint, offset: number): Buffer {
  const magnitude = (integer < 0n ? ~integer : integer).toString(16)
  // One more bit than the magnitude needs, for the sign.
  const size = (magnitude.length >> 1) + (magnitude.length % 2 === 1 || magnitude >= '8' ? 1 : 0)
  const hex = BigInt.asUintN(size * 8, integer).toString(16)
  const bytes = Buffer.allocUnsafe(offset + size)
  bytes.write(hex.padStart(size * 2, '0'), offset, 'hex')
  return bytes
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
