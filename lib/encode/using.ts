import { types as is } from 'node:util'
import { integerOf } from './integers.ts'
import { preview } from './preview.ts'
import { propertyRefused } from './rowRefusal.ts'

/** What the server takes at most: 20 years of seconds (`Attributes.MAX_TTL`). */
const MAX_TTL = 630_720_000

/**
 * Microseconds that belong to a row with a non-frozen list, one for each time it may be stored: stored again with the
 * same timestamp it would double the list (CASSANDRA-11368). So few that 125,000 such rows fit a second.
 */
export const LIST_TIMESTAMPS = 8

/** The lowest one stands for "no timestamp" inside Cassandra; above the highest there must be room to send again. */
const LOWEST_TIMESTAMP = -(2n ** 63n) + 1n
const HIGHEST_TIMESTAMP = 2n ** 63n - BigInt(LIST_TIMESTAMPS)

const ttlExpected = `whole seconds from 0 to ${MAX_TTL}`
const timestampExpected = 'whole microseconds since 1970: number, BigInt, Long, decimal digits, or a Date'

/** Seconds to live; null and undefined leave it to `fallback`, and that to the table. 0 is for ever. */
export function ttlOf(
  value: unknown,
  fallback: number | undefined,
  column: string,
  index: number,
): number | undefined {
  const given = value ?? fallback
  if (given === undefined) return undefined
  const seconds = integerIn(given, column, ttlExpected, index)
  if (seconds < 0 || seconds > MAX_TTL) throw propertyRefused(column, preview(given), ttlExpected, index)
  return Number(seconds)
}

/** The caller's own write time in microseconds. */
export function ownTimestampOf(value: unknown, column: string, index: number): number | bigint {
  const timestamp = is.isDate(value)
    ? microsecondsOf(value)
    : integerIn(value, column, timestampExpected, index)
  if (!(timestamp >= LOWEST_TIMESTAMP && timestamp <= HIGHEST_TIMESTAMP)) {
    throw propertyRefused(column, preview(value), timestampExpected, index)
  }
  return timestamp
}

/** NaN of an invalid Date. All others are whole milliseconds that a number tells exactly, also times 1000 as a BigInt. */
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
