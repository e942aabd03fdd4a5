import { types } from 'cassandra-driver'
import { Refusal } from './refusal.ts'

const driverClasses = [
  'BigDecimal',
  'Duration',
  'InetAddress',
  'Integer',
  'LocalDate',
  'LocalTime',
  'Tuple',
  'Uuid',
  'Vector',
] as const

type DriverClass = (typeof driverClasses)[number]

/**
 * Whether a value is of one of the driver's classes, from any copy of the driver: npm may install several, and `instanceof`
 * knows only one of them.
 */
export function isDriver(value: object, name: DriverClass): boolean {
  if (value instanceof types[name]) return true
  for (let at: unknown = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
    if ((at as { constructor?: { name?: unknown } }).constructor?.name === name) return true
  }
  return false
}

/** Whether a value is one of the driver's, all of which keep their content in mutable fields. */
export function isMutableDriverValue(value: object): boolean {
  return longValue(value) !== undefined || driverClasses.some(name => isDriver(value, name))
}

/** A field of a driver object. The driver documents few of them, so the caller checks the result. */
export function field(value: object, name: string): unknown {
  return (value as Record<string, unknown>)[name]
}

/** The integer in a driver's `Long` or `Integer`. Undefined for anything else. */
export function driverInteger(value: object): bigint | undefined {
  return longValue(value) ?? (isDriver(value, 'Integer') ? integerValue(value) : undefined)
}

/** The integer in a `Long` of any copy of the package `long`, recognized by its three fields. */
export function longValue(value: object): bigint | undefined {
  const low = field(value, 'low')
  const high = field(value, 'high')
  if (!isInt32(low) || !isInt32(high)) return undefined
  const unsigned = field(value, 'unsigned')
  if (typeof unsigned !== 'boolean') return undefined
  return (BigInt(unsigned ? high >>> 0 : high) << 32n) | BigInt(low >>> 0)
}

/** An `Integer` holds 32-bit words, lowest first, and a sign that extends them without end. */
function integerValue(value: object): bigint {
  const words = field(value, 'bits_')
  const sign = field(value, 'sign_')
  if (!Array.isArray(words) || !words.every(isInt32) || (sign !== 0 && sign !== -1)) {
    throw new Refusal(value, 'is an Integer without the words and the sign of one')
  }
  const hex = words.reduceRight<string>(
    (text, word: number) => text + (word >>> 0).toString(16).padStart(8, '0'),
    '0',
  )
  const magnitude = BigInt(`0x${hex}`)
  return sign === 0 ? magnitude : magnitude - (1n << BigInt(32 * words.length))
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value
}
