import { types as is } from 'node:util'
import type { Bytes } from './bytes.ts'
import { field, isDriver } from './driverValue.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { isTemporal, temporalText } from './temporal.ts'

const millisecondsPerDay = 86_400_000
const dash = 0x2d
const plus = 0x2b
const zero = 0x30

export function encodeDate(value: unknown, out: Bytes): void {
  const days = daysOf(value)
  if ((days | 0) !== days) throw new Refusal(value, 'is outside -5877641-06-23 to +5881580-07-11')
  // Cassandra counts days from 2^31 days before the epoch.
  out.int32(days + 0x8000_0000)
}

function daysOf(value: unknown): number {
  if (typeof value === 'string') return daysOfText(value)
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  if (isTemporal(value, 'PlainDate')) return daysOfText(temporalText(value))
  if (isDriver(value, 'LocalDate')) return daysOfLocalDate(value)
  if (is.isDate(value)) throw new Refusal(value, 'is a Date, whose day depends on the time zone: give text')
  throw wrongKind(value)
}

function daysOfText(text: string): number {
  const days = dateLength(text) === text.length ? parseDate(text) : Number.NaN
  if (Number.isNaN(days)) throw new Refusal(text, 'is not a day of the calendar written as YYYY-MM-DD')
  return days
}

/** A LocalDate holds a UTC Date, or days since the epoch beyond the range of Date. */
function daysOfLocalDate(value: object): number {
  const date = field(value, 'date')
  const milliseconds = is.isDate(date) ? Date.prototype.getTime.call(date) : Number.NaN
  const days = Number.isNaN(milliseconds) ? field(value, '_value') : milliseconds / millisecondsPerDay
  if (typeof days !== 'number' || !Number.isInteger(days)) throw new Refusal(value, 'is not a whole day')
  return days
}

/** Number of characters of a text's date: 10, or more if a signed year has more than four digits. */
export function dateLength(text: string): number {
  return isSign(text.charCodeAt(0)) ? text.indexOf('-', 1) + 6 : 10
}

/** Days since the epoch of the date at the start of a text, in the proleptic Gregorian calendar. NaN if there is none. */
export function parseDate(text: string): number {
  const end = dateLength(text)
  const signed = isSign(text.charCodeAt(0))
  const yearEnd = end - 6
  if (signed && (yearEnd < 5 || yearEnd > 10)) return Number.NaN
  if (text.charCodeAt(yearEnd) !== dash || text.charCodeAt(yearEnd + 3) !== dash) return Number.NaN
  const size = parseDigits(text, signed ? 1 : 0, yearEnd)
  const negative = text.charCodeAt(0) === dash
  if (negative && size === 0) return Number.NaN
  const month = parseDigits(text, yearEnd + 1, yearEnd + 3)
  const day = parseDigits(text, yearEnd + 4, end)
  return daysSinceEpoch(negative ? -size : size, month, day)
}

/** The number of a run of digits. NaN if a character is not a digit. */
export function parseDigits(text: string, from: number, to: number): number {
  let number = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - zero
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

function isSign(code: number): boolean {
  return code === plus || code === dash
}

function daysSinceEpoch(year: number, month: number, day: number): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return Number.NaN
  // Years that begin in March have the leap day last, and eras of 400 years repeat. (H. Hinnant, days_from_civil)
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

export function decodeDate(bytes: Buffer, from: number): string {
  return dateText(bytes.readUInt32BE(from) - 0x8000_0000)
}

/** The date that many days after 1970-01-01 in the proleptic Gregorian calendar: the inverse of {@link parseDate}. */
export function dateText(days: number): string {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return `${yearText(year)}-${twoDigits(month)}-${twoDigits(day)}`
}

/** Four digits, or a sign and more digits if four are not enough or the year is before 0. */
function yearText(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, '0')
  return year < 0 ? `-${digits}` : year > 9999 ? `+${digits}` : digits
}

export function twoDigits(number: number): string {
  return number < 10 ? `0${number}` : String(number)
}
