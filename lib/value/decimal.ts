import type { Bytes } from './bytes.ts'
import { field, isDriver } from './driverValue.ts'
import { decodeVarint, integerOf, varintBytes } from './integers.ts'
import { Refusal, wrongKind } from './refusal.ts'

/** Digits before or after the point may be missing, but not both. */
const grammar = /^(-?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,400}))?$/
const mostDigits = 1_000_000

/** `unscaled × 10^-scale`, the two parts that Cassandra stores: `1.50` keeps its two digits. */
export interface Decimal {
  readonly unscaled: bigint
  readonly scale: number
}

export function encodeDecimal(value: unknown, out: Bytes): void {
  if (typeof value === 'number' && Number.isSafeInteger(value)) {
    writeDecimal(value, 0, out)
    return
  }
  const { unscaled, scale } = decimalOf(value)
  if ((scale | 0) !== scale) throw new Refusal(value, 'has an exponent that does not fit 32 bits')
  writeDecimal(unscaled, scale, out)
}

/** The decimal of a strict decimal text, or undefined for any other text. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = grammar.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  if (whole.length + fraction.length > mostDigits) {
    throw new Refusal(text, `has more than ${mostDigits} digits`)
  }
  return { unscaled: BigInt(sign + whole + fraction), scale: fraction.length - Number(exponent) }
}

function decimalOf(value: unknown): Decimal {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Refusal(value, 'is not a finite number')
    // The shortest text that reads back as this number is what a person means by 0.1.
    return parseDecimal(String(value)) as Decimal
  }
  if (typeof value === 'string') {
    const decimal = parseDecimal(value)
    if (decimal === undefined) throw new Refusal(value, 'is not decimal text')
    return decimal
  }
  if (typeof value === 'object' && value !== null && isDriver(value, 'BigDecimal'))
    return driverDecimal(value)
  if (typeof value === 'bigint' || (typeof value === 'object' && value !== null)) {
    return { unscaled: BigInt(integerOf(value)), scale: 0 }
  }
  throw wrongKind(value)
}

function driverDecimal(value: object): Decimal {
  const scale = field(value, '_scale')
  if (typeof scale !== 'number' || !Number.isInteger(scale)) {
    throw new Refusal(value, 'is a BigDecimal without a whole scale')
  }
  return { unscaled: BigInt(integerOf(field(value, '_intVal'))), scale }
}

function writeDecimal(unscaled: number | bigint, scale: number, out: Bytes): void {
  out.int32(scale)
  out.add(varintBytes(unscaled))
}

/** Exactly the stored digits, as Java's BigDecimal prints them: `1.50` keeps both decimals, and `1e3` differs from 1000. */
export function decodeDecimal(bytes: Buffer, from: number, to: number): string {
  const scale = bytes.readInt32BE(from)
  const unscaled = decodeVarint(bytes, from + 4, to)
  if (scale === 0) return String(unscaled)
  const digits = String(unscaled < 0n ? -unscaled : unscaled)
  const sign = unscaled < 0n ? '-' : ''
  if (scale < 0 || scale > digits.length + MOST_ZEROS) return `${sign}${digits}e${-scale}`
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

/** Zeros after the point above which an exponent is easier to read. */
const MOST_ZEROS = 6
