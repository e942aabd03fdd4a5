import { isIPv4, isIPv6 } from 'node:net'
import { types } from 'cassandra-driver'
import { Temporal } from 'temporal-polyfill'
import type { ScalarName } from '../../lib/table/cqlType.ts'
import { decimalMeaning, durationMeaning, integerIn, type Meaning, plainInet, printed } from './meaning.ts'

/**
 * The meaning of any value as a type. Undefined if it has no meaning that can be stored exactly. Uses only JavaScript, Node
 * and Temporal, without the code of lib/value.
 */
export function meaningAs(name: ScalarName, given: unknown): Meaning | undefined {
  try {
    return meanings[name](given)
  } catch {
    return undefined
  }
}

type Oracle = (given: unknown) => Meaning | undefined

const text: Oracle = given => (typeof given === 'string' && !/\p{Surrogate}/u.test(given) ? given : undefined)

function integer(given: unknown): bigint | undefined {
  if (typeof given === 'bigint') return given
  if (typeof given === 'number') return Number.isInteger(given) ? BigInt(given) : undefined
  if (typeof given === 'string') return /^-?[0-9]+$/.test(given) ? BigInt(given) : undefined
  if (given instanceof types.Integer) return integerIn(given)
  return given instanceof types.Long ? BigInt(given.toString()) : undefined
}

function within(low: bigint, high: bigint): Oracle {
  return given => {
    const value = integer(given)
    return value !== undefined && value >= low && value <= high ? String(value) : undefined
  }
}

const signed = (bits: bigint) => within(-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n)

const numberText = /^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/

const double: Oracle = given => {
  if (typeof given === 'number') return printed(given)
  if (typeof given !== 'string') {
    const value = integer(given)
    return value !== undefined && BigInt(Number(value)) === value ? printed(Number(value)) : undefined
  }
  if (/^(NaN|-?Infinity)$/.test(given)) return given
  if (!numberText.test(given)) return undefined
  const isLost = Number(given) === 0 && /[1-9]/.test(given.replace(/[eE].*/, ''))
  return isLost || !Number.isFinite(Number(given)) ? undefined : printed(Number(given))
}

/** Rounds text once. Rounding through a double may give a neighbouring float. */
function nearestFloat(shown: string): number {
  const near = Math.fround(Number(shown))
  const [unscaled = '', exponent = '0'] = decimalMeaning(shown).split('e')
  if (Number(shown) === 0 || !Number.isFinite(near) || Math.abs(Number(exponent)) > 1000) return near
  const tens = 10n ** BigInt(Math.abs(Number(exponent)))
  const [scale, exact] = exponent.startsWith('-') ? [tens, BigInt(unscaled)] : [1n, BigInt(unscaled) * tens]
  const bits = new DataView(new ArrayBuffer(4))
  bits.setFloat32(0, near)
  const around = [0, 1, -1].map(step => {
    const moved = new DataView(new ArrayBuffer(4))
    moved.setInt32(0, bits.getInt32(0) + step)
    return moved.getFloat32(0)
  })
  // Every float is a multiple of 2^-149, which is the smallest.
  const distance = (candidate: number) => {
    const off = BigInt(candidate * 2 ** 149) * scale - (exact << 149n)
    return off < 0n ? -off : off
  }
  return around
    .filter(Number.isFinite)
    .reduce((best, other) => (distance(other) < distance(best) ? other : best))
}

const float: Oracle = given => {
  const exact = double(given)
  if (typeof exact !== 'string') return undefined
  const value = Number(exact)
  const rounded =
    typeof given === 'string' && Number.isFinite(value) ? nearestFloat(given) : Math.fround(value)
  if (Number.isFinite(value) && !Number.isFinite(rounded)) return undefined
  if (rounded === 0 && value !== 0) return undefined
  const mustBeEqual = typeof given !== 'number' && typeof given !== 'string'
  return mustBeEqual && rounded !== value ? undefined : printed(rounded)
}

const decimal: Oracle = given => {
  if (given instanceof types.BigDecimal) {
    const { _intVal, _scale } = given as unknown as { _intVal: types.Integer; _scale: number }
    return `${integerIn(_intVal)}e${-_scale}`
  }
  if (typeof given === 'number' || typeof given === 'string') {
    const shown = Object.is(given, -0) ? '0' : String(given)
    if (!numberText.test(shown)) return undefined
    const meaning = decimalMeaning(shown)
    const scale = -BigInt(meaning.split('e')[1] ?? '')
    return scale >= -(2n ** 31n) && scale < 2n ** 31n ? meaning : undefined
  }
  const value = integer(given)
  return value === undefined ? undefined : `${value}e0`
}

/** Days since 1970. The year is moved into a cycle of 400 years within the range of Date. */
function days(year: string, month: string, day: string): bigint | undefined {
  if (!/^([0-9]{4}|[+-][0-9]{4,7})$/.test(year) || /^-0+$/.test(year)) return undefined
  const cycles = Math.floor((Number(year) - 2000) / 400)
  const date = new Date(Date.UTC(Number(year) - 400 * cycles, Number(month) - 1, Number(day)))
  const isReal = date.getUTCMonth() + 1 === Number(month) && date.getUTCDate() === Number(day)
  return isReal ? BigInt(date.getTime() / 86_400_000 + 146_097 * cycles) : undefined
}

const date: Oracle = given => {
  const isDate = given instanceof types.LocalDate || given instanceof Temporal.PlainDate
  if (given instanceof types.LocalDate) return String(given.toBuffer().readUInt32BE(0) - 2 ** 31)
  if (typeof given !== 'string' && !isDate) return undefined
  const [, year = '', month = '', day = ''] = /^(.*)-([0-9]{2})-([0-9]{2})$/.exec(String(given)) ?? []
  const found = days(year, month, day)
  return found !== undefined && BigInt.asIntN(32, found) === found ? String(found) : undefined
}

/** Nanoseconds since midnight. */
function clock(shown: string): bigint | undefined {
  const match = /^([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\.([0-9]{1,9}))?)?$/.exec(shown)
  if (match === null) return undefined
  const [, hours = '0', minutes = '0', seconds = '0', fraction = ''] = match
  const whole = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds)
  return whole * 10n ** 9n + BigInt(fraction.padEnd(9, '0'))
}

const time: Oracle = given => {
  if (given instanceof types.LocalTime) return given.getTotalNanoseconds().toString()
  if (given instanceof Temporal.PlainTime) return String(clock(given.toString()))
  if (typeof given !== 'string') return within(0n, 86_399_999_999_999n)(given)
  const found = clock(given)
  return found === undefined ? undefined : String(found)
}

const momentText =
  /^(.+?)-([0-9]{2})-([0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?))? ?(?:[zZ]|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9])(?::?([0-5][0-9]))?)?)(?:\[[^\][]*\])*$/

const timestamp: Oracle = given => {
  if (given instanceof Date) return Number.isNaN(given.getTime()) ? undefined : String(given.getTime())
  if (given instanceof Temporal.Instant || given instanceof Temporal.ZonedDateTime) {
    const { epochNanoseconds: nanoseconds } = given
    return nanoseconds % 1_000_000n === 0n ? String(nanoseconds / 1_000_000n) : undefined
  }
  if (typeof given !== 'string') return signed(64n)(given)
  const match = momentText.exec(given)
  if (match === null) return undefined
  const [
    ,
    year = '',
    month = '',
    day = '',
    shown = '00:00',
    sign = '+',
    hours = '0',
    minutes = '0',
    rest = '0',
  ] = match
  // Only zeros may follow the third digit of a second.
  const ofDay = clock(shown.replace(/(\.[0-9]{3})0+$/, '$1'))
  const day0 = days(year, month, day)
  if (ofDay === undefined || day0 === undefined || ofDay % 1_000_000n !== 0n) return undefined
  const size = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(rest)
  const offset = size * (sign === '-' ? -1000n : 1000n)
  const moment = day0 * 86_400_000n + ofDay / 1_000_000n - offset
  return BigInt.asIntN(64, moment) === moment ? String(moment) : undefined
}

const cqlDuration =
  /^-?([0-9]+y)?([0-9]+mo)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?([0-9]+ns)?$/

const duration: Oracle = given => {
  if (given instanceof types.Duration) {
    const { months, days, nanoseconds } = given as unknown as Record<string, unknown>
    return inDurationRange(`${months} ${days} ${nanoseconds}`)
  }
  if (given instanceof Temporal.Duration) return inDurationRange(temporalDuration(given))
  if (typeof given !== 'string') return undefined
  const shown = given.replace(/[A-Z]/g, letter => letter.toLowerCase()).replace(/[µμ]s/, 'us')
  if (cqlDuration.test(shown) && /[0-9]/.test(shown)) return inDurationRange(durationMeaning(shown))
  const dated = /^(-?)P([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})$/.exec(given)
  if (dated !== null) {
    const [, sign, years, months, days, hours, minutes, seconds] = dated
    return inDurationRange(
      durationMeaning(`${sign}${years}y${months}mo${days}d${hours}h${minutes}m${seconds}s`),
    )
  }
  return inDurationRange(temporalDuration(Temporal.Duration.from(given)))
}

function temporalDuration(given: Temporal.Duration): string {
  const months = BigInt(given.years) * 12n + BigInt(given.months)
  const days = BigInt(given.weeks) * 7n + BigInt(given.days)
  const seconds = (BigInt(given.hours) * 60n + BigInt(given.minutes)) * 60n + BigInt(given.seconds)
  const milliseconds = seconds * 1000n + BigInt(given.milliseconds)
  const nanoseconds = (milliseconds * 1000n + BigInt(given.microseconds)) * 1000n + BigInt(given.nanoseconds)
  return `${months} ${days} ${nanoseconds}`
}

function inDurationRange(meaning: string): string | undefined {
  const parts = meaning.split(' ').map(BigInt)
  const isMixed = parts.some(part => part < 0n) && parts.some(part => part > 0n)
  const fits = parts.every((part, i) => BigInt.asIntN(i === 2 ? 64 : 32, part) === part)
  return fits && !isMixed ? meaning : undefined
}

const inet: Oracle = given => {
  if (given instanceof types.InetAddress) return plainInet(given.getBuffer().toString('hex'))
  if (typeof given !== 'string') return undefined
  if (isIPv4(given)) return Buffer.from(given.split('.').map(Number)).toString('hex')
  if (!isIPv6(given) || given.includes('%')) return undefined
  const [head = '', tail] = new URL(`http://[${given}]/`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined) => (part ? part.split(':') : [])
  const zeros = new Array<string>(8 - groups(head).length - groups(tail).length).fill('0')
  const all = [...groups(head), ...(tail === undefined ? [] : zeros), ...groups(tail)]
  return plainInet(all.map(group => group.padStart(4, '0')).join(''))
}

const uuid: Oracle = given => {
  if (given instanceof types.Uuid) return given.getBuffer().toString('hex')
  if (typeof given !== 'string') return undefined
  const plain = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[0-9a-f]{32}$/i
  return plain.test(given) ? given.replaceAll('-', '').toLowerCase() : undefined
}

const meanings: Record<ScalarName, Oracle> = {
  ascii: given => {
    const found = text(given)
    return typeof found === 'string' && Buffer.byteLength(found) === found.length ? found : undefined
  },
  bigint: signed(64n),
  blob: given => {
    if (typeof given === 'string')
      return /^0x([0-9a-f]{2})*$/i.test(given) ? given.slice(2).toLowerCase() : undefined
    if (given instanceof ArrayBuffer) return Buffer.from(given).toString('hex')
    if (!ArrayBuffer.isView(given)) return undefined
    return Buffer.from(given.buffer, given.byteOffset, given.byteLength).toString('hex')
  },
  boolean: given => {
    if (typeof given === 'boolean') return given
    return typeof given === 'string' && /^(true|false)$/i.test(given) ? given.length === 4 : undefined
  },
  date,
  decimal,
  double,
  duration,
  float,
  inet,
  int: signed(32n),
  smallint: signed(16n),
  text,
  time,
  timestamp,
  timeuuid: given => {
    const found = uuid(given)
    return typeof found === 'string' && found[12] === '1' ? found : undefined
  },
  tinyint: signed(8n),
  uuid,
  varint: given => {
    const found = integer(given)
    return found === undefined ? undefined : String(found)
  },
}
