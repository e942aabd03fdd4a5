import type { RowError } from '../errors.ts'
import { type BindValue, unset } from './bind.ts'
import { encodeBigint, integerOf } from './integers.ts'
import { preview } from './preview.ts'
import { propertyRefused } from './rowRefusal.ts'

/** What the server takes at most: 20 years of seconds (`Attributes.MAX_TTL`). */
const MAX_TTL = 630_720_000

/**
 * Microseconds that belong to a row with a non-frozen list, one for each time it may be sent: sent again with the same
 * timestamp it would double the list (CASSANDRA-11368).
 */
export const LIST_TIMESTAMPS = 64

/** The lowest one stands for "no timestamp" inside Cassandra; above the highest there must be room to send again. */
const LOWEST_TIMESTAMP = -(2n ** 63n) + 1n
const HIGHEST_TIMESTAMP = 2n ** 63n - BigInt(LIST_TIMESTAMPS)

const ttlExpected = `whole seconds from 0 to ${MAX_TTL}`
const timestampExpected = 'whole microseconds since 1970: number, BigInt, Long or decimal digits'

/** Seconds to live as an int; null and undefined leave it to `fallback`, and that to the table. 0 is for ever. */
export function encodeTtl(
  value: unknown,
  fallback: number | undefined,
  column: string,
  index: number,
): BindValue {
  const given = value ?? fallback
  if (given === undefined) return unset
  const seconds = integerIn(given, () => propertyRefused(column, preview(given), ttlExpected, index))
  if (seconds < 0 || seconds > MAX_TTL) throw propertyRefused(column, preview(given), ttlExpected, index)
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(Number(seconds))
  return bytes
}

/** What is left of an encoded time to live; at least a second, since 0 would be for ever, and 0 stays for ever. */
export function remainingTtl(ttl: Buffer, seconds: number): Buffer {
  const given = ttl.readInt32BE()
  if (given === 0) return ttl
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(Math.max(1, given - seconds))
  return bytes
}

/** The caller's own write time in microseconds. */
export function encodeOwnTimestamp(value: unknown, column: string, index: number): Buffer {
  const refused = () => propertyRefused(column, preview(value), timestampExpected, index)
  const timestamp = integerIn(value, refused)
  if (timestamp < LOWEST_TIMESTAMP || timestamp > HIGHEST_TIMESTAMP) throw refused()
  return encodeBigint(timestamp)
}

function integerIn(value: unknown, refused: () => RowError): number | bigint {
  try {
    return integerOf(value)
  } catch {
    throw refused()
  }
}
