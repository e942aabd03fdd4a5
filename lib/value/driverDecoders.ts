import { types } from 'cassandra-driver'
import { copyOf } from './blob.ts'
import { readSignedVint, vintSizeAt } from './vint.ts'

const { BigDecimal, Duration, InetAddress, Integer, LocalDate, LocalTime, Long, TimeUuid, Uuid } = types

const nanosecondsPerDay = Long.fromString('86400000000000')

export function decodeLong(bytes: Buffer, from: number): types.Long {
  return Long.fromBits(bytes.readInt32BE(from + 4), bytes.readInt32BE(from))
}

export function decodeInteger(bytes: Buffer, from: number, to: number): types.Integer {
  return Integer.fromBuffer(bytes.subarray(from, to))
}

export function decodeBigDecimal(bytes: Buffer, from: number, to: number): types.BigDecimal {
  return BigDecimal.fromBuffer(bytes.subarray(from, to))
}

export function decodeUuidObject(bytes: Buffer, from: number, to: number): types.Uuid {
  return new Uuid(sized(bytes, from, to, 16))
}

export function decodeTimeUuid(bytes: Buffer, from: number, to: number): types.TimeUuid {
  return new TimeUuid(sized(bytes, from, to, 16))
}

export function decodeInetAddress(bytes: Buffer, from: number, to: number): types.InetAddress {
  return new InetAddress(sized(bytes, from, to, to - from === 4 ? 4 : 16))
}

export function decodeLocalDate(bytes: Buffer, from: number, to: number): types.LocalDate {
  return LocalDate.fromBuffer(bytes.subarray(from, to))
}

/** A LocalTime, or a Long beyond one day: the server keeps any 8 bytes. */
export function decodeLocalTime(bytes: Buffer, from: number): types.LocalTime | types.Long {
  const nanoseconds = decodeLong(bytes, from)
  const isOfDay = !nanoseconds.isNegative() && nanoseconds.lessThan(nanosecondsPerDay)
  return isOfDay ? new LocalTime(nanoseconds) : nanoseconds
}

/** A Date, or a Long of milliseconds beyond the range of Date. */
export function decodeDriverTimestamp(bytes: Buffer, from: number): Date | types.Long {
  const milliseconds = decodeLong(bytes, from)
  const date = new Date(milliseconds.toNumber())
  return Number.isNaN(date.getTime()) ? milliseconds : date
}

export function decodeDriverDuration(bytes: Buffer, from: number): types.Duration {
  const daysAt = from + vintSizeAt(bytes, from)
  const nanosecondsAt = daysAt + vintSizeAt(bytes, daysAt)
  const nanoseconds = readSignedVint(bytes, nanosecondsAt)
  return new Duration(
    Number(readSignedVint(bytes, from)),
    Number(readSignedVint(bytes, daysAt)),
    Long.fromBits(Number(BigInt.asIntN(32, nanoseconds)), Number(BigInt.asIntN(32, nanoseconds >> 32n))),
  )
}

/** A copy, because the driver's classes keep the memory that they are given. */
function sized(bytes: Buffer, from: number, to: number, size: number): Buffer {
  const copy = copyOf(bytes.subarray(from, to))
  if (copy.length !== size) throw new RangeError(`A value has ${copy.length} bytes in place of ${size}`)
  return copy
}
