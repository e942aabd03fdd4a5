import type { Bytes } from './bytes.ts'
import { parseDigits, twoDigits } from './date.ts'
import { field, isDriver, longValue } from './driverValue.ts'
import { encodeInt64 } from './integers.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { isTemporal, temporalText } from './temporal.ts'

const nanosecondsPerSecond = 1e9
const nanosecondsPerDay = 86_400 * nanosecondsPerSecond
const colon = 0x3a
const point = 0x2e

export function encodeTime(value: unknown, out: Bytes): void {
  const nanoseconds = typeof value === 'string' ? parseTime(value) : nanosecondsOf(value)
  if (!(nanoseconds >= 0 && nanoseconds < nanosecondsPerDay)) {
    throw new Refusal(value, 'is outside the 86,400,000,000,000 nanoseconds of a day')
  }
  encodeInt64(nanoseconds, value, 'time', out)
}

function nanosecondsOf(value: unknown): number | bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw new Refusal(value, 'is not a whole number of nanoseconds')
    return value
  }
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  if (isTemporal(value, 'PlainTime')) return parseTime(temporalText(value))
  const long = isDriver(value, 'LocalTime') ? field(value, 'value') : value
  const nanoseconds = typeof long === 'object' && long !== null ? longValue(long) : undefined
  if (nanoseconds === undefined) throw wrongKind(value)
  return nanoseconds
}

function parseTime(text: string): number {
  const end = text.charCodeAt(8) === point ? 8 : text.length
  const digits = text.length - end - 1
  const nanoseconds =
    digits > 0 && digits <= 9 ? parseDigits(text, end + 1, text.length) * 10 ** (9 - digits) : Number.NaN
  const total = parseClock(text, 0, end) * nanosecondsPerSecond + (end === text.length ? 0 : nanoseconds)
  if (Number.isNaN(total)) {
    throw new Refusal(text, 'is not a time of the day written as HH:MM:SS with up to 9 digits of a second')
  }
  return total
}

/** Seconds since midnight of `HH:MM` or `HH:MM:SS`. NaN for any other text. */
export function parseClock(text: string, from: number, to: number): number {
  const length = to - from
  if ((length !== 5 && length !== 8) || text.charCodeAt(from + 2) !== colon) return Number.NaN
  if (length === 8 && text.charCodeAt(from + 5) !== colon) return Number.NaN
  const hour = parseDigits(text, from, from + 2)
  const minute = parseDigits(text, from + 3, from + 5)
  const second = length === 8 ? parseDigits(text, from + 6, to) : 0
  return hour <= 23 && minute <= 59 && second <= 59 ? hour * 3600 + minute * 60 + second : Number.NaN
}

/** Text. Beyond one day, nanoseconds as a BigInt: the server keeps any 8 bytes. */
export function decodeTime(bytes: Buffer, from: number): string | bigint {
  const nanoseconds = bytes.readInt32BE(from) * 2 ** 32 + bytes.readUInt32BE(from + 4)
  if (!(nanoseconds >= 0 && nanoseconds < nanosecondsPerDay)) return bytes.readBigInt64BE(from)
  const seconds = Math.floor(nanoseconds / nanosecondsPerSecond)
  const rest = nanoseconds % nanosecondsPerSecond
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/, '')}`
  return `${clockText(seconds)}${fraction}`
}

/** The same for JSON, which has no BigInt. */
export function decodeTimeText(bytes: Buffer, from: number): string {
  return String(decodeTime(bytes, from))
}

/** Seconds since midnight as `HH:MM:SS`. */
export function clockText(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`
}
