import { types as is } from 'node:util'
import { integerOf } from '../value/integers.ts'
import { preview } from '../value/preview.ts'
import { propertyRefused } from './rowRefusal.ts'

/** The server's maximum: 20 years in seconds (`Attributes.MAX_TTL`). */
const MAX_TTL = 630_720_000

/**
 * Microseconds that belong to a row with a non-frozen list, one per attempt to store it. A second attempt with the same
 * timestamp would double the list (CASSANDRA-11368). With 8 of them, 125,000 such rows fit into a second.
 */
export const LIST_TIMESTAMPS = 8

/** The value below the lowest means "no timestamp" inside Cassandra. Above the highest there must be room for repeats. */
const LOWEST_TIMESTAMP = -(2n ** 63n) + 1n
const HIGHEST_TIMESTAMP = 2n ** 63n - BigInt(LIST_TIMESTAMPS)

const ttlExpected = `whole seconds from 0 to ${MAX_TTL}`
const timestampExpected = 'whole microseconds since 1970: number, BigInt, Long, decimal digits, or a Date'

/** Write times of the years 2001 to 2100. The same times in milliseconds or nanoseconds lie outside this range. */
const FIRST_USUAL = 978_307_200_000_000
const LAST_USUAL = 4_133_980_799_999_999

/** How to read a row's own time to live and write time. */
export interface UsingRules {
  readonly ttl: number | undefined
  readonly ttl_column: string | undefined
  readonly timestamp_column: string | undefined
  /** Whether write times may lie outside the years 2001 to 2100. */
  readonly allow_any_timestamp?: boolean
  /** Latest moment at which a row may expire, in seconds since 1970. Undefined if the server takes any. */
  readonly latest_expiry_s?: number | undefined
}

/** Seconds to live. Null and undefined fall back to the rules, and these to the table. 0 means forever. */
export function ttlOf(value: unknown, rules: UsingRules, index: number): number | undefined {
  const { ttl: fallback, ttl_column: column = 'ttl', latest_expiry_s } = rules
  const given = value ?? fallback
  if (given === undefined) return undefined
  const seconds = integerIn(given, column, ttlExpected, index)
  if (seconds < 0 || seconds > MAX_TTL) throw propertyRefused(column, preview(given), ttlExpected, index)
  if (latest_expiry_s !== undefined && expiryOf(Number(seconds)) > latest_expiry_s) {
    throw propertyRefused(column, preview(given), expiresBy(latest_expiry_s), index)
  }
  return Number(seconds)
}

/** When a row that is written now expires, in seconds since 1970. 0 means never. */
export function expiryOf(ttl: number): number {
  return ttl === 0 ? 0 : Math.floor(Date.now() / 1000) + ttl
}

/** What a time to live must be if the server cannot store later times. */
export function expiresBy(latest_expiry_s: number): string {
  const latest = new Date(latest_expiry_s * 1000).toISOString()
  return `whole seconds that end by ${latest}, the last moment that this server can store (its storage_compatibility_mode is not NONE)`
}

/** The caller's own write time in microseconds. */
export function ownTimestampOf(
  value: unknown,
  { timestamp_column: column = '', allow_any_timestamp }: UsingRules,
  index: number,
): number | bigint {
  const timestamp = is.isDate(value)
    ? microsecondsOf(value)
    : integerIn(value, column, timestampExpected, index)
  if (!(timestamp >= LOWEST_TIMESTAMP && timestamp <= HIGHEST_TIMESTAMP)) {
    throw propertyRefused(column, preview(value), timestampExpected, index)
  }
  // A Date has a known unit.
  if (!allow_any_timestamp && !is.isDate(value) && !isUsual(timestamp)) {
    throw propertyRefused(
      column,
      preview(value),
      `${timestampExpected}, ${remedyFor(Number(timestamp))}`,
      index,
    )
  }
  return timestamp
}

function isUsual(timestamp: number | bigint): boolean {
  return timestamp >= FIRST_USUAL && timestamp <= LAST_USUAL
}

/** What to do about a time that is usual in another unit. */
function remedyFor(timestamp: number): string {
  const units = { seconds: 1e6, milliseconds: 1e3, nanoseconds: 1e-3 }
  const unit = Object.entries(units).find(([, factor]) => isUsual(timestamp * factor))
  const anyway = 'or set `allow_any_timestamp` to true to store it as it is'
  if (unit === undefined) return `from 2001 to 2100, ${anyway}`
  const [name, factor] = unit
  const sum = factor > 1 ? `multiply them by ${factor.toLocaleString('en')}` : 'divide them by 1,000'
  return `and these look like ${name}: ${sum}, ${anyway}`
}

/** NaN for an invalid Date. Other Dates are whole milliseconds, so a BigInt of a thousand times as many is exact. */
function microsecondsOf(date: Date): number | bigint {
  const milliseconds = Date.prototype.getTime.call(date)
  return Number.isNaN(milliseconds) ? milliseconds : BigInt(milliseconds) * 1000n
}

function integerIn(value: unknown, column: string, expected: string, index: number): number | bigint {
  try {
    return integerOf(value)
  } catch {
    throw propertyRefused(column, preview(value), expected, index)
  }
}
