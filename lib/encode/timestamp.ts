import { types as is } from 'node:util'
import type { Bytes } from './bytes.ts'
import { dateLength, isSign, parseDate, parseDigits } from './date.ts'
import { longValue } from './driverValue.ts'
import { encodeInt64 } from './integers.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { isTemporal } from './temporal.ts'
import { parseClock } from './time.ts'

const millisecondsPerDay = 86_400_000
/** Days within which milliseconds are exact as a number. */
const safeDays = 100_000_000
const colon = 0x3a
const point = 0x2e
const space = 0x20

export function encodeTimestamp(value: unknown, out: Bytes): void {
  encodeInt64(millisecondsOf(value), value, 'timestamp', out)
}

function millisecondsOf(value: unknown): number | bigint {
  if (value instanceof Date) return millisecondsOfDate(value)
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    throw new Refusal(value, 'is not a whole number of milliseconds within 2^53 - 1')
  }
  if (typeof value === 'string') return parseTimestamp(value)
  if (typeof value === 'bigint') return value
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  if (isTemporal(value, 'Instant') || isTemporal(value, 'ZonedDateTime')) return millisecondsOfTemporal(value)
  const long = longValue(value)
  if (long !== undefined) return long
  // A Date of another realm, such as a vm context, is no instance of ours.
  if (is.isDate(value)) return millisecondsOfDate(value)
  throw wrongKind(value)
}

function millisecondsOfDate(date: Date): number {
  const milliseconds = Date.prototype.getTime.call(date)
  if (Number.isNaN(milliseconds)) throw new Refusal(date, 'is an invalid Date')
  return milliseconds
}

function millisecondsOfTemporal(value: object): bigint {
  const { epochNanoseconds } = value as { epochNanoseconds?: unknown }
  if (typeof epochNanoseconds !== 'bigint') throw wrongKind(value)
  if (epochNanoseconds % 1_000_000n !== 0n) {
    throw new Refusal(value, 'has parts of a millisecond, and Cassandra stores milliseconds')
  }
  return epochNanoseconds / 1_000_000n
}

function parseTimestamp(text: string): number | bigint {
  const days = parseDate(text)
  if (Number.isNaN(days)) throw notTimestamp(text)
  const clock = dateLength(text) + 1
  const zone = zoneStart(text)
  if (zone < clock) throw new Refusal(text, 'has no time zone: it would be another moment on another machine')
  if (!isSeparator(text.charCodeAt(clock - 1))) throw notTimestamp(text)
  const fraction = text.charCodeAt(clock + 8) === point ? clock + 8 : zone
  const seconds = parseClock(text, clock, fraction) - offsetSeconds(text, zone)
  const ofDay = seconds * 1000 + (fraction < zone ? parseMilliseconds(text, fraction + 1, zone) : 0)
  if (Number.isNaN(ofDay)) throw notTimestamp(text)
  return Math.abs(days) < safeDays
    ? days * millisecondsPerDay + ofDay
    : BigInt(days) * BigInt(millisecondsPerDay) + BigInt(ofDay)
}

/** Where `Z`, `+hh:mm`, `+hhmm` or `+hh` begins; -1 where a text ends in none of them. */
function zoneStart(text: string): number {
  const length = text.length
  if ((text.charCodeAt(length - 1) | 0x20) === 0x7a) return length - 1
  if (isSign(text.charCodeAt(length - 6)) && text.charCodeAt(length - 3) === colon) return length - 6
  if (isSign(text.charCodeAt(length - 5))) return length - 5
  return isSign(text.charCodeAt(length - 3)) ? length - 3 : -1
}

function offsetSeconds(text: string, zone: number): number {
  const length = text.length - zone
  if (length === 1) return 0
  const hours = parseDigits(text, zone + 1, zone + 3)
  const minutes = length === 3 ? 0 : parseDigits(text, text.length - 2, text.length)
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN
  return (text[zone] === '-' ? -1 : 1) * (hours * 3600 + minutes * 60)
}

function parseMilliseconds(text: string, from: number, to: number): number {
  const digits = Math.min(to - from, 3)
  const rest = parseDigits(text, from + digits, to)
  if (rest > 0) throw new Refusal(text, 'has parts of a millisecond, and Cassandra stores milliseconds')
  return digits === 0 || Number.isNaN(rest)
    ? Number.NaN
    : parseDigits(text, from, from + digits) * 10 ** (3 - digits)
}

function isSeparator(code: number): boolean {
  return (code | 0x20) === 0x74 || code === space
}

function notTimestamp(text: string): Refusal {
  return new Refusal(text, 'is not a moment of the calendar written as YYYY-MM-DDTHH:MM:SS.mmm and a zone')
}
