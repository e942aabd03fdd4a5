import type { ScalarName } from '../table/cqlType.ts'
import { encodeBlob } from './blob.ts'
import { encodeBoolean } from './boolean.ts'
import type { Encoder, Order } from './compiledType.ts'
import { encodeDate } from './date.ts'
import { encodeDecimal } from './decimal.ts'
import { decimalOrder } from './decimalOrder.ts'
import { encodeDuration } from './duration.ts'
import { encodeDouble, encodeFloat } from './floats.ts'
import { encodeInet } from './inet.ts'
import { encodeBigint, encodeInt, encodeSmallint, encodeTinyint, encodeVarint } from './integers.ts'
import { floatOrder, signedOrder, timeuuidOrder, uuidOrder, varintOrder } from './order.ts'
import { encodeAscii, encodeText } from './text.ts'
import { encodeTime } from './time.ts'
import { encodeTimestamp } from './timestamp.ts'
import { encodeTimeuuid, encodeUuid } from './uuid.ts'

export interface ScalarType {
  /** What a person may give, in a few words. */
  readonly accepts: string
  readonly encode: Encoder
  /** Bytes of every value where Cassandra 5 packs it without a length in a vector (`valueLengthIfFixed`). */
  readonly fixedSize?: number
  /** Order of set elements and map keys; unsigned bytes where none is given. */
  readonly order?: Order
}

/** One line for each scalar CQL type. Collections, tuples, user-defined types and vectors are built from these. */
// biome-ignore format: a table
export const scalars: Record<ScalarName, ScalarType> = {
  ascii: { encode: encodeAscii, accepts: 'a string of ASCII characters' },
  bigint: { encode: encodeBigint, order: signedOrder, fixedSize: 8, accepts: 'an integer from -2^63 to 2^63 - 1: BigInt, safe number, Long, Integer, decimal digits' },
  blob: { encode: encodeBlob, accepts: 'a Buffer, typed array, DataView, ArrayBuffer, SharedArrayBuffer, or text of 0x and hexadecimal digits' },
  boolean: { encode: encodeBoolean, fixedSize: 1, accepts: 'true or false, also as text' },
  date: { encode: encodeDate, accepts: 'a day as text YYYY-MM-DD (or a signed year of 4 to 7 digits), LocalDate, Temporal.PlainDate' },
  decimal: { encode: encodeDecimal, order: decimalOrder, accepts: 'a finite number (as it prints), BigInt, BigDecimal, Long, Integer, decimal text' },
  double: { encode: encodeDouble, order: floatOrder, fixedSize: 8, accepts: 'a number, decimal text (the nearest double), NaN, Infinity, or a BigInt, Long, Integer that a double equals' },
  duration: { encode: encodeDuration, accepts: 'text such as 1y2mo3d4h5m6s or P1Y2M3DT4H5M6S, Duration, Temporal.Duration' },
  float: { encode: encodeFloat, order: floatOrder, fixedSize: 4, accepts: 'a number or decimal text (the nearest 32-bit float, as the type implies), NaN, Infinity, or a BigInt, Long, Integer that a float equals' },
  inet: { encode: encodeInet, accepts: 'an IPv4 or IPv6 address as text, InetAddress' },
  int: { encode: encodeInt, order: signedOrder, fixedSize: 4, accepts: 'an integer from -2147483648 to 2147483647: number, BigInt, Long, Integer, decimal digits' },
  smallint: { encode: encodeSmallint, order: signedOrder, accepts: 'an integer from -32768 to 32767: number, BigInt, Long, Integer, decimal digits' },
  text: { encode: encodeText, accepts: 'a string (half a surrogate pair in it is refused)' },
  time: { encode: encodeTime, accepts: 'a time of day as text HH:MM[:SS[.fffffffff]], LocalTime, Temporal.PlainTime, or nanoseconds since midnight as number, BigInt, Long' },
  timestamp: { encode: encodeTimestamp, order: signedOrder, fixedSize: 8, accepts: 'a valid Date, ISO 8601 text with an offset such as Z or +01:00, Temporal.Instant, Temporal.ZonedDateTime, or milliseconds since 1970 as safe number, BigInt, Long' },
  timeuuid: { encode: encodeTimeuuid, order: timeuuidOrder, fixedSize: 16, accepts: 'a version 1 UUID as text, dashed or not, or TimeUuid' },
  tinyint: { encode: encodeTinyint, order: signedOrder, accepts: 'an integer from -128 to 127: number, BigInt, Long, Integer, decimal digits' },
  uuid: { encode: encodeUuid, order: uuidOrder, fixedSize: 16, accepts: 'a UUID as text, dashed or not, Uuid, TimeUuid' },
  varint: { encode: encodeVarint, order: varintOrder, accepts: 'an integer of any size: BigInt, safe number, Integer, Long, decimal digits' },
}
