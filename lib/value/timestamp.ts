import { types as is } from 'node:util'
import type { Bytes } from './bytes.ts'
import { dateLength, dateText, parseDate, parseDigits } from './date.ts'
import { longValue } from './driverValue.ts'
import { encodeInt64 } from './integers.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { isTemporal } from './temporal.ts'
import { clockText, parseClock } from './time.ts'

const millisecondsPerDay = 86_400_000
/** Range of days in which milliseconds are exact as a number. */
const safeDays = 100_000_000
const colon = 0x3a
const point = 0x2e
const space = 0x20
const zero = 0x30
const withoutOffset =
  'has no offset from UTC such as Z or +01:00, without which it is another moment on another machine'

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
  // A Date of another realm, such as a vm context, is not an instance of our Date.
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

/** A date, an optional time of day, and an offset from UTC. Without an offset a text names many moments. */
function parseTimestamp(text: string): number | bigint {
  const days = parseDate(text)
  if (Number.isNaN(days)) throw notTimestamp(text)
  const date = dateLength(text)
  const hasClock = isSeparator(text.charCodeAt(date)) && isDigit(text.charCodeAt(date + 1))
  const end = hasClock ? clockEnd(text, date + 1) : date
  const zone = end === date + 9 ? fractionEnd(text, end) : end
  if (zone === text.length) throw new Refusal(text, withoutOffset)
  const offset = offsetSeconds(text, zone)
  const seconds = hasClock ? parseClock(text, date + 1, end) : 0
  if (Number.isNaN(offset + seconds)) throw notTimestamp(text)
  const fraction = end < zone ? parseMilliseconds(text, end + 1, zone) : 0
  const ofDay = (seconds - offset) * 1000 + fraction
  if (Number.isNaN(ofDay)) throw notTimestamp(text)
  return Math.abs(days) < safeDays
    ? days * millisecondsPerDay + ofDay
    : BigInt(days) * BigInt(millisecondsPerDay) + BigInt(ofDay)
}

/** The end of `HH:MM` or `HH:MM:SS`. */
function clockEnd(text: string, from: number): number {
  return text.charCodeAt(from + 5) === colon ? from + 8 : from + 5
}

function fractionEnd(text: string, from: number): number {
  if (text.charCodeAt(from) !== point) return from
  let end = from + 1
  while (isDigit(text.charCodeAt(end))) end++
  return end
}

/** `Z` or an offset, with or without a space before it, and the names of zones and calendars that Java and Temporal add. */
const zoneForm = /^ ?(?:[zZ]|([+-])(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?)(?:\[[^[\]]*\])*$/

/** Longest text of a zone after a time. */
const longestZone = 100

function offsetSeconds(text: string, from: number): number {
  if (from === text.length - 1 && (text.charCodeAt(from) | 0x20) === 0x7a) return 0
  const match = text.length - from > longestZone ? null : zoneForm.exec(text.slice(from))
  if (match === null) return Number.NaN
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match
  if (!(Number(hours) <= 23 && Number(minutes) <= 59 && Number(seconds) <= 59)) return Number.NaN
  return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
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

function isDigit(code: number): boolean {
  return code >= zero && code <= zero + 9
}

function notTimestamp(text: string): Refusal {
  return new Refusal(
    text,
    'is not a moment of the calendar written as YYYY-MM-DDTHH:MM:SS.mmm and an offset such as Z or +01:00',
  )
}

/** Range of Date around 1970, in milliseconds. */
const farthestDate = 8_640_000_000_000_000

/** A Date, or ISO 8601 text beyond the range of Date. */
export function decodeTimestamp(bytes: Buffer, from: number): Date | string {
  // Within the range of Date, both halves together are exact as a number.
  const milliseconds = bytes.readInt32BE(from) * 2 ** 32 + bytes.readUInt32BE(from + 4)
  return Math.abs(milliseconds) <= farthestDate
    ? new Date(milliseconds)
    : timestampText(bytes.readBigInt64BE(from))
}

function timestampText(milliseconds: bigint): string {
  const perDay = BigInt(millisecondsPerDay)
  const days = milliseconds / perDay - (milliseconds % perDay < 0n ? 1n : 0n)
  const ofDay = Number(milliseconds - days * perDay)
  const fraction = String(ofDay % 1000).padStart(3, '0')
  return `${dateText(Number(days))}T${clockText(Math.floor(ofDay / 1000))}.${fraction}Z`
}

/** ISO 8601 text. */
export function decodeTimestampText(bytes: Buffer, from: number): string {
  const moment = decodeTimestamp(bytes, from)
  return typeof moment === 'string' ? moment : moment.toISOString()
}
