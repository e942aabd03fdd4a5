import type { Bytes } from './bytes.ts'
import { parseDecimal } from './decimal.ts'
import { driverInteger } from './driverValue.ts'
import { Refusal, wrongKind } from './refusal.ts'

const decimalText = /^-?(?=\.?\d)\d*(?:\.\d*)?(?:[eE][+-]?\d+)?$/

// NaN has many bit patterns, and a partition key is hashed by its bits. So the same pattern is always written.
const doubleNaN = 0x7ff8_0000
const floatNaN = 0x7fc0_0000

const scratch = new DataView(new ArrayBuffer(8))

export function encodeDouble(value: unknown, out: Bytes): void {
  const double = typeof value === 'number' ? value : doubleOf(value)
  scratch.setFloat64(0, double)
  const isNumber = !Number.isNaN(double)
  out.int32(isNumber ? scratch.getInt32(0) : doubleNaN)
  out.int32(isNumber ? scratch.getInt32(4) : 0)
}

export function encodeFloat(value: unknown, out: Bytes): void {
  const float = typeof value === 'number' ? Math.fround(value) : floatOf(value)
  if (typeof value === 'number') refuseLoss(value, value, float, 'float')
  scratch.setFloat32(0, float)
  out.int32(Number.isNaN(float) ? floatNaN : scratch.getInt32(0))
}

function doubleOf(value: unknown): number {
  if (typeof value !== 'string') return exactInteger(value, Number, 'double')
  const special = specialValue(value)
  return special ?? nearestDouble(value, 'double')
}

function floatOf(value: unknown): number {
  if (typeof value !== 'string') return exactInteger(value, Math.fround, 'float')
  const special = specialValue(value)
  if (special !== undefined) return special
  const double = nearestDouble(value, 'float')
  const float = nearestFloat(value, double)
  refuseLoss(value, double, float, 'float')
  return float
}

function specialValue(text: string): number | undefined {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity' ? Number(text) : undefined
}

function nearestDouble(text: string, cqlType: string): number {
  if (!decimalText.test(text)) throw new Refusal(text, 'is not decimal text')
  const double = Number(text)
  const [mantissa = ''] = text.split(/[eE]/)
  if (double === 0 && /[1-9]/.test(mantissa)) throw new Refusal(text, `is too close to zero for a ${cqlType}`)
  if (!Number.isFinite(double)) throw new Refusal(text, `is beyond the range of a ${cqlType}`)
  return double
}

/** A 32-bit type implies rounding, but not overflow to infinity or underflow to zero. */
function refuseLoss(value: unknown, double: number, float: number, cqlType: string): void {
  if (float === 0 && double !== 0) throw new Refusal(value, `is too close to zero for a ${cqlType}`)
  if (!Number.isFinite(float) && Number.isFinite(double)) {
    throw new Refusal(value, `is beyond the range of a ${cqlType}`)
  }
}

function exactInteger(value: unknown, round: (double: number) => number, cqlType: string): number {
  const integer =
    typeof value === 'bigint'
      ? value
      : typeof value === 'object' && value !== null
        ? driverInteger(value)
        : undefined
  if (integer === undefined) throw wrongKind(value)
  const double = round(Number(integer))
  if (!Number.isFinite(double) || BigInt(double) !== integer) {
    throw new Refusal(value, `is an integer that no ${cqlType} equals`)
  }
  return double
}

/**
 * Rounding text to a double and then to a float can be one float off: if the double falls in the middle of two floats, only the
 * text shows which is nearer.
 */
function nearestFloat(text: string, double: number): number {
  const float = Math.fround(double)
  const size = Math.abs(double)
  scratch.setFloat32(0, Math.abs(float))
  scratch.setInt32(0, scratch.getInt32(0) + (size > Math.abs(float) ? 1 : -1))
  const other = scratch.getFloat32(0)
  if (float === double || (Math.abs(float) + other) / 2 !== size) return float
  const side = compareWithDouble(text.replace(/^-/, ''), size)
  if (side === 0) return float
  const nearer = side > 0 ? Math.max(Math.abs(float), other) : Math.min(Math.abs(float), other)
  return double < 0 ? -nearer : nearer
}

function compareWithDouble(text: string, double: number): number {
  const decimal = parseDecimal(text)
  if (decimal === undefined) return 0
  let mantissa = double
  let halvings = 0n
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    halvings++
  }
  const ten = 10n ** BigInt(Math.abs(decimal.scale))
  const left = (decimal.unscaled << halvings) * (decimal.scale < 0 ? ten : 1n)
  const right = BigInt(mantissa) * (decimal.scale > 0 ? ten : 1n)
  return left > right ? 1 : left < right ? -1 : 0
}

export function decodeDouble(bytes: Buffer, from: number): number {
  return bytes.readDoubleBE(from)
}

export function decodeFloat(bytes: Buffer, from: number): number {
  return bytes.readFloatBE(from)
}

export function decodeDoubleJson(bytes: Buffer, from: number): number | string {
  return jsonNumber(bytes.readDoubleBE(from))
}

export function decodeFloatJson(bytes: Buffer, from: number): number | string {
  return jsonNumber(bytes.readFloatBE(from))
}

/** JSON turns NaN and the infinities into null, and -0 into 0, so these become text. */
function jsonNumber(number: number): number | string {
  if (Object.is(number, -0)) return '-0'
  return Number.isFinite(number) ? number : String(number)
}
