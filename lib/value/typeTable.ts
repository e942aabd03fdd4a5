import type { ScalarName } from '../table/cqlType.ts'
import { decodeBlob, decodeBlobText, encodeBlob } from './blob.ts'
import { decodeBoolean, encodeBoolean } from './boolean.ts'
import type { Decoder, Encoder, Order } from './compiledType.ts'
import { decodeDate, encodeDate } from './date.ts'
import { decodeDecimal, encodeDecimal } from './decimal.ts'
import { decimalOrder } from './decimalOrder.ts'
import {
  decodeBigDecimal,
  decodeDriverDuration,
  decodeDriverTimestamp,
  decodeInetAddress,
  decodeInteger,
  decodeLocalDate,
  decodeLocalTime,
  decodeLong,
  decodeTimeUuid,
  decodeUuidObject,
} from './driverDecoders.ts'
import { decodeDuration, encodeDuration } from './duration.ts'
import {
  decodeDouble,
  decodeDoubleJson,
  decodeFloat,
  decodeFloatJson,
  encodeDouble,
  encodeFloat,
} from './floats.ts'
import { decodeInet, encodeInet } from './inet.ts'
import {
  decodeBigint,
  decodeBigintText,
  decodeInt,
  decodeSmallint,
  decodeTinyint,
  decodeVarint,
  decodeVarintText,
  encodeBigint,
  encodeInt,
  encodeSmallint,
  encodeTinyint,
  encodeVarint,
} from './integers.ts'
import { floatOrder, signedOrder, timeuuidOrder, uuidOrder, varintOrder } from './order.ts'
import { decodeAscii, decodeText, encodeAscii, encodeText } from './text.ts'
import { decodeTime, decodeTimeText, encodeTime } from './time.ts'
import { decodeTimestamp, decodeTimestampText, encodeTimestamp } from './timestamp.ts'
import { decodeUuid, encodeTimeuuid, encodeUuid } from './uuid.ts'

export interface ScalarType {
  /** The accepted values, in a few words. */
  readonly accepts: string
  readonly encode: Encoder
  /** Reads plain JavaScript. */
  readonly decode: Decoder
  /** Reads what JSON keeps, if that differs. */
  readonly json?: Decoder
  /** Reads the driver's own class, if that differs. */
  readonly driver?: Decoder
  /** Whether zero bytes are a value. Otherwise they mean null. */
  readonly isEmptyValue?: boolean
  /** Bytes of every value if Cassandra 5 packs it without a length in a vector (`valueLengthIfFixed`). */
  readonly fixedSize?: number
  /** Order of set elements and map keys. Unsigned bytes by default. */
  readonly order?: Order
}

/** One line per scalar CQL type. Collections, tuples, user-defined types and vectors are built from these. */
// biome-ignore format: a table
export const scalars: Record<ScalarName, ScalarType> = {
  ascii: { encode: encodeAscii, decode: decodeAscii, isEmptyValue: true, accepts: 'a string of ASCII characters' },
  bigint: { encode: encodeBigint, decode: decodeBigint, json: decodeBigintText, driver: decodeLong, order: signedOrder, fixedSize: 8, accepts: 'an integer from -2^63 to 2^63 - 1: BigInt, safe number, Long, Integer, decimal digits' },
  blob: { encode: encodeBlob, decode: decodeBlob, json: decodeBlobText, isEmptyValue: true, accepts: 'a Buffer, typed array, DataView, ArrayBuffer, SharedArrayBuffer, or text of 0x and hexadecimal digits' },
  boolean: { encode: encodeBoolean, decode: decodeBoolean, fixedSize: 1, accepts: 'true or false, also as text' },
  date: { encode: encodeDate, decode: decodeDate, driver: decodeLocalDate, accepts: 'a day as text YYYY-MM-DD (or a signed year of 4 to 7 digits), LocalDate, Temporal.PlainDate' },
  decimal: { encode: encodeDecimal, decode: decodeDecimal, driver: decodeBigDecimal, order: decimalOrder, accepts: 'a finite number (as it prints), BigInt, BigDecimal, Long, Integer, decimal text' },
  double: { encode: encodeDouble, decode: decodeDouble, json: decodeDoubleJson, order: floatOrder, fixedSize: 8, accepts: 'a number, decimal text (the nearest double), NaN, Infinity, or a BigInt, Long, Integer that a double equals' },
  duration: { encode: encodeDuration, decode: decodeDuration, driver: decodeDriverDuration, accepts: 'text such as 1y2mo3d4h5m6s or P1Y2M3DT4H5M6S, Duration, Temporal.Duration' },
  float: { encode: encodeFloat, decode: decodeFloat, json: decodeFloatJson, order: floatOrder, fixedSize: 4, accepts: 'a number or decimal text (the nearest 32-bit float, as the type implies), NaN, Infinity, or a BigInt, Long, Integer that a float equals' },
  inet: { encode: encodeInet, decode: decodeInet, driver: decodeInetAddress, accepts: 'an IPv4 or IPv6 address as text, InetAddress' },
  int: { encode: encodeInt, decode: decodeInt, order: signedOrder, fixedSize: 4, accepts: 'an integer from -2147483648 to 2147483647: number, BigInt, Long, Integer, decimal digits' },
  smallint: { encode: encodeSmallint, decode: decodeSmallint, order: signedOrder, accepts: 'an integer from -32768 to 32767: number, BigInt, Long, Integer, decimal digits' },
  text: { encode: encodeText, decode: decodeText, isEmptyValue: true, accepts: 'a string (half a surrogate pair in it is refused)' },
  time: { encode: encodeTime, decode: decodeTime, json: decodeTimeText, driver: decodeLocalTime, accepts: 'a time of day as text HH:MM[:SS[.fffffffff]], LocalTime, Temporal.PlainTime, or nanoseconds since midnight as number, BigInt, Long' },
  timestamp: { encode: encodeTimestamp, decode: decodeTimestamp, json: decodeTimestampText, driver: decodeDriverTimestamp, order: signedOrder, fixedSize: 8, accepts: 'a valid Date, ISO 8601 text with an offset such as Z or +01:00, Temporal.Instant, Temporal.ZonedDateTime, or milliseconds since 1970 as safe number, BigInt, Long' },
  timeuuid: { encode: encodeTimeuuid, decode: decodeUuid, driver: decodeTimeUuid, order: timeuuidOrder, fixedSize: 16, accepts: 'a version 1 UUID as text, dashed or not, or TimeUuid' },
  tinyint: { encode: encodeTinyint, decode: decodeTinyint, order: signedOrder, accepts: 'an integer from -128 to 127: number, BigInt, Long, Integer, decimal digits' },
  uuid: { encode: encodeUuid, decode: decodeUuid, driver: decodeUuidObject, order: uuidOrder, fixedSize: 16, accepts: 'a UUID as text, dashed or not, Uuid, TimeUuid' },
  varint: { encode: encodeVarint, decode: decodeVarint, json: decodeVarintText, driver: decodeInteger, order: varintOrder, accepts: 'an integer of any size: BigInt, safe number, Integer, Long, decimal digits' },
}
