import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import type { ScalarName } from '../../lib/table/cqlType.ts'
import { isoDate } from './calendar.ts'
import { decimalMeaning, type Meaning, plainInet, printed } from './meaning.ts'
import { secondTypes } from './secondDriver.ts'

/** A value as a user gives it, and its meaning, which must be read back. */
export interface Sample {
  readonly given: unknown
  readonly meaning: Meaning
}

type Form<T> = (value: T) => unknown

/** Each value in a random one of its forms. A form that cannot represent the value returns undefined. */
function inForms<T>(
  values: fc.Arbitrary<T>,
  meaning: (value: T) => Meaning,
  ...forms: Form<T>[]
): fc.Arbitrary<Sample> {
  return fc.tuple(values, fc.nat({ max: forms.length - 1 })).map(([value, choice]) => {
    const chosen = forms[choice]?.(value)
    return { given: chosen === undefined ? forms[0]?.(value) : chosen, meaning: meaning(value) }
  })
}

const drivers = [types, secondTypes]

/** A value as an object of both copies of the driver. */
function ofDrivers<T>(make: (driver: typeof types, value: T) => unknown): Form<T>[] {
  return drivers.map(driver => value => make(driver, value))
}

const bytes = (hex: string) => Buffer.from(hex, 'hex')
const safeNumber = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : undefined)
const fitsLong = (value: bigint) => BigInt.asIntN(64, value) === value

function nearEdges(low: bigint, high: bigint): fc.Arbitrary<bigint> {
  const known = [2n ** 53n, -(2n ** 53n), 2n ** 31n, -(2n ** 31n), 0n].flatMap(n => [n - 1n, n, n + 1n])
  const edges = [low, low + 1n, high - 1n, high, ...known.filter(value => value >= low && value <= high)]
  return fc.oneof(fc.bigInt({ min: low, max: high }), fc.constantFrom(...edges))
}

function integers(bits: bigint): fc.Arbitrary<Sample> {
  return inForms(
    nearEdges(-(2n ** bits), 2n ** bits - 1n),
    String,
    value => value,
    safeNumber,
    String,
    value => `${value < 0n ? '-' : ''}00${value < 0n ? -value : value}`,
    ...ofDrivers<bigint>((driver, value) => driver.Integer.fromString(String(value))),
    ...ofDrivers<bigint>((driver, value) =>
      fitsLong(value) ? driver.Long.fromString(String(value)) : undefined,
    ),
  )
}

interface Decimal {
  readonly unscaled: bigint
  readonly scale: number
}

function plainDecimal({ unscaled, scale }: Decimal): string | undefined {
  if (scale < 1) return scale === 0 ? String(unscaled) : undefined
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

const decimals = fc.oneof(
  inForms<Decimal>(
    fc.record({
      unscaled: fc.oneof(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), nearEdges(-300n, 300n)),
      scale: fc.oneof(fc.integer({ min: -40, max: 40 }), fc.constantFrom(0, 1, 2, -1000, 1000)),
    }),
    ({ unscaled, scale }) => `${unscaled}e${-scale}`,
    ({ unscaled, scale }) => `${unscaled}e${-scale}`,
    plainDecimal,
    ({ unscaled, scale }) => `${unscaled}E${scale > 0 ? '' : '+'}${-scale}`,
    ...ofDrivers<Decimal>(
      (driver, { unscaled, scale }) =>
        new driver.BigDecimal(driver.Integer.fromString(String(unscaled)) as unknown as number, scale),
    ),
  ),
  inForms(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    number => decimalMeaning(Object.is(number, -0) ? '0' : String(number)),
    number => number,
    number => (Object.is(number, -0) ? '-0' : String(number)),
  ),
  inForms(
    nearEdges(-(2n ** 63n), 2n ** 63n - 1n),
    value => `${value}e0`,
    value => value,
    ...ofDrivers<bigint>((driver, value) => driver.Long.fromString(String(value))),
    ...ofDrivers<bigint>((driver, value) => driver.Integer.fromString(String(value))),
  ),
)

const doubles = fc.oneof(
  inForms(
    fc.double(),
    printed,
    number => number,
    printed,
    // More digits than a double has. The nearest double is still this number.
    number => (Number.isFinite(number) && number !== 0 ? number.toPrecision(30) : undefined),
  ),
  inForms(
    fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }).map(number => (number === 0 ? 0 : number)),
    printed,
    number => BigInt(number),
    ...ofDrivers<number>((driver, number) => driver.Long.fromNumber(number)),
    ...ofDrivers<number>((driver, number) => driver.Integer.fromNumber(number)),
  ),
)

/** Text slightly above or below the middle of two neighbouring floats, where rounding twice gives the wrong float. */
const besideMiddle = fc
  .tuple(fc.float({ min: 2 ** -20, max: 2 ** 20, noNaN: true }), fc.boolean(), fc.boolean())
  .map(([low, above, negative]): Sample => {
    const bits = new DataView(new ArrayBuffer(4))
    bits.setFloat32(0, low)
    bits.setInt32(0, bits.getInt32(0) + 1)
    const high = bits.getFloat32(0)
    // 80 digits represent the middle exactly, because 2^-45 is its smallest part.
    const middle = BigInt(((low + high) / 2).toFixed(80).replace('.', '')) + (above ? 1n : -1n)
    const digits = String(middle).padStart(81, '0')
    const text = `${digits.slice(0, -80)}.${digits.slice(-80)}`
    const nearest = above ? high : low
    return { given: negative ? `-${text}` : text, meaning: printed(negative ? -nearest : nearest) }
  })

const largestFloat = 2 ** 128 - 2 ** 104
const floats = fc.oneof(
  inForms(
    fc.float(),
    printed,
    number => number,
    printed,
    number => (Number.isInteger(number) && number !== 0 ? BigInt(number) : undefined),
  ),
  inForms(
    fc
      .double({ min: -largestFloat, max: largestFloat, noNaN: true })
      .filter(number => number === 0 || Math.fround(number) !== 0),
    number => printed(Math.fround(number)),
    number => number,
  ),
  besideMiddle,
)

const blobs = inForms(
  fc.oneof(fc.uint8Array({ maxLength: 24 }), fc.uint8Array({ minLength: 60, maxLength: 400 })),
  array => Buffer.from(array).toString('hex'),
  array => array,
  array => Buffer.from(array),
  array => `0x${Buffer.from(array).toString('hex')}`,
  array => `0X${Buffer.from(array).toString('hex').toUpperCase()}`,
  array => Uint8Array.from(array).buffer,
  array => new DataView(Uint8Array.from([9, ...array, 9]).buffer, 1, array.length),
  array => Uint8Array.from([9, ...array, 9]).subarray(1, array.length + 1),
  array => Buffer.concat([Buffer.from([9]), array]).subarray(1),
  array => {
    const shared = new Uint8Array(new SharedArrayBuffer(array.length))
    shared.set(array)
    return shared.buffer
  },
  array => (array.length % 2 === 0 ? new Uint16Array(Uint8Array.from(array).buffer) : undefined),
)

const reachOfDate = 100_000_000
const dates = inForms(
  fc.oneof(
    fc.integer({ min: -reachOfDate, max: reachOfDate }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0, -1, 11016, 47540, reachOfDate, -reachOfDate),
  ),
  String,
  isoDate,
  ...ofDrivers<number>(
    (driver, days) => new (driver.LocalDate as unknown as new (days: number) => object)(days),
  ),
  days => (Math.abs(days) < reachOfDate ? Temporal.PlainDate.from('1970-01-01').add({ days }) : undefined),
  days =>
    Math.abs(days) < 500_000 ? Temporal.PlainDate.from(isoDate(days)).withCalendar('gregory') : undefined,
)

function clock(nanoseconds: bigint): string {
  const seconds = Number(nanoseconds / 10n ** 9n)
  const time = new Date(seconds * 1000).toISOString().slice(11, 19)
  return `${time}.${String(nanoseconds % 10n ** 9n).padStart(9, '0')}`
}

const times = inForms(
  fc.oneof(
    fc.bigInt({ min: 0n, max: 86_399_999_999_999n }),
    fc.nat({ max: 86_399 }).map(seconds => BigInt(seconds) * 10n ** 9n),
    fc.constantFrom(0n, 86_399_999_999_999n),
  ),
  String,
  clock,
  value =>
    clock(value)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, ''),
  value => clock(value).replace(/:00\.0{9}$/, ''),
  value => value,
  Number,
  ...ofDrivers<bigint>((driver, value) => driver.Long.fromString(String(value))),
  ...ofDrivers<bigint>((driver, value) => new driver.LocalTime(driver.Long.fromString(String(value)))),
  value => Temporal.PlainTime.from(clock(value)),
)

/** ISO text of a moment with an offset from UTC in minutes. */
function withOffset(milliseconds: number, minutes: number, colon: boolean): string {
  const text = new Date(milliseconds + minutes * 60_000).toISOString().slice(0, -1)
  const size = Math.abs(minutes)
  const parts = [Math.floor(size / 60), size % 60].map(part => String(part).padStart(2, '0'))
  return `${text}${minutes < 0 ? '-' : '+'}${parts.join(colon ? ':' : '')}`
}

const timestamps = fc.oneof(
  inForms(
    fc.oneof(
      fc.date({ noInvalidDate: true }),
      fc.date({ noInvalidDate: true, min: new Date(-1e12), max: new Date(4e12) }),
    ),
    date => String(date.getTime()),
    date => date,
    date => date.toISOString(),
    date => date.toISOString().replace('T', ' ').toLowerCase(),
    date => date.toISOString().replace(/\.000Z$/, 'Z'),
    date => (Math.abs(date.getTime()) < 8e15 ? withOffset(date.getTime(), 330, true) : undefined),
    date => (Math.abs(date.getTime()) < 8e15 ? withOffset(date.getTime(), -210, false) : undefined),
    date => date.getTime(),
    date => BigInt(date.getTime()),
    ...ofDrivers<Date>((driver, date) => driver.Long.fromNumber(date.getTime())),
    date => Temporal.Instant.fromEpochMilliseconds(date.getTime()),
    date =>
      Math.abs(date.getTime()) < 8e15
        ? Temporal.Instant.fromEpochMilliseconds(date.getTime()).toZonedDateTimeISO('America/New_York')
        : undefined,
  ),
)

/** Timestamps beyond the range of Date, which the driver reads as an invalid Date. */
export const distantTimestamps = inForms(
  nearEdges(-(2n ** 63n), 2n ** 63n - 1n).filter(
    value => value > 8_640_000_000_000_000n || value < -8_640_000_000_000_000n,
  ),
  String,
  value => value,
  safeNumber,
  ...ofDrivers<bigint>((driver, value) => driver.Long.fromString(String(value))),
)

interface Duration {
  readonly months: number
  readonly days: number
  readonly nanoseconds: bigint
  readonly sign: bigint
}

function isoDuration({ months, days, nanoseconds, sign }: Duration): string {
  const seconds = `${nanoseconds / 10n ** 9n}.${String(nanoseconds % 10n ** 9n).padStart(9, '0')}`
  return `${sign < 0n ? '-' : ''}P${months}M${days}DT${seconds}S`
}

const most32 = 2 ** 31 - 1
const durations = inForms<Duration>(
  fc.record({
    months: fc.oneof(fc.nat(), fc.constantFrom(0, 1, 12, most32)),
    days: fc.oneof(fc.nat(), fc.constantFrom(0, 1, 7, most32)),
    nanoseconds: fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      fc.constantFrom(0n, 1n, 999n, 10n ** 9n, 2n ** 63n - 1n),
    ),
    sign: fc.constantFrom(1n, -1n),
  }),
  ({ months, days, nanoseconds, sign }) =>
    [BigInt(months), BigInt(days), nanoseconds].map(part => sign * part).join(' '),
  ({ months, days, nanoseconds, sign }) => `${sign < 0n ? '-' : ''}${months}mo${days}d${nanoseconds}ns`,
  ({ months, days, nanoseconds, sign }) =>
    `${sign < 0n ? '-' : ''}${Math.floor(months / 12)}Y${months % 12}MO${Math.floor(days / 7)}W${days % 7}D${nanoseconds / 3_600_000_000_000n}H${(nanoseconds / 1000n) % 3_600_000_000n}µS${nanoseconds % 1000n}NS`,
  isoDuration,
  ...ofDrivers<Duration>(
    (driver, { months, days, nanoseconds, sign }) =>
      new driver.Duration(
        Number(sign) * months,
        Number(sign) * days,
        driver.Long.fromString(String(sign * nanoseconds)),
      ),
  ),
  ({ months, days, nanoseconds, sign }) =>
    days < 1e6
      ? Temporal.Duration.from({
          months: months * Number(sign),
          days: days * Number(sign),
          seconds: Number((sign * nanoseconds) / 10n ** 9n),
          nanoseconds: Number((sign * nanoseconds) % 10n ** 9n),
        })
      : undefined,
)

/** An IPv6 address without leading zeros in its groups, and without the longest run of zeros. */
function shortIpv6(hex: string): string {
  const groups = hex.match(/.{4}/g)?.map(group => Number.parseInt(group, 16).toString(16)) ?? []
  const zeros = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].sort((a, b) => b[0].length - a[0].length)[0]
  if (zeros === undefined) return groups.join(':')
  const text = groups.join(':')
  return `${text.slice(0, zeros.index).replace(/:$/, '')}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`
}

const dotted = (hex: string) => [...bytes(hex)].join('.')
const fewBytes = fc.oneof(fc.constant(0), fc.nat({ max: 255 }))
const hexOf = (length: number, prefix = '') =>
  fc
    .array(fewBytes, { minLength: length, maxLength: length })
    .map(array => prefix + Buffer.from(array).toString('hex'))
const inets = fc.oneof(
  inForms(
    hexOf(4),
    hex => hex,
    dotted,
    ...ofDrivers<string>((driver, hex) => new driver.InetAddress(bytes(hex))),
  ),
  inForms(
    fc.oneof(hexOf(16), hexOf(4, '00000000000000000000ffff'), hexOf(4, '0'.repeat(24))),
    plainInet,
    hex => hex.match(/.{4}/g)?.join(':'),
    shortIpv6,
    hex => shortIpv6(hex).toUpperCase(),
    hex => `${hex.slice(0, 24).match(/.{4}/g)?.join(':')}:${dotted(hex.slice(24))}`,
    ...ofDrivers<string>((driver, hex) => new driver.InetAddress(bytes(hex))),
  ),
)

const dashed = (hex: string) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const bytes16 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map(array => Buffer.from(array).toString('hex'))
const uuidForms: Form<string>[] = [
  dashed,
  hex => hex,
  hex => hex.toUpperCase(),
  hex => dashed(hex).toUpperCase(),
  ...ofDrivers<string>((driver, hex) => new driver.Uuid(bytes(hex))),
]

const texts = (unit: 'binary' | 'binary-ascii') =>
  inForms(
    fc.oneof(
      fc.string({ unit }),
      fc.string({ unit, minLength: 20, maxLength: 60 }),
      fc.constantFrom('', '\u0000', ' ', 'null', '__proto__', 'constructor', '\\"{}[]', 'x'.repeat(1500)),
    ),
    text => text,
    text => text,
  )

/** Valid values of every scalar type, in every form that the type accepts. */
export const scalarSamples: Record<ScalarName, fc.Arbitrary<Sample>> = {
  ascii: texts('binary-ascii'),
  bigint: integers(63n),
  blob: blobs,
  boolean: inForms(
    fc.boolean(),
    value => value,
    value => value,
    String,
    value => String(value).toUpperCase(),
  ),
  date: dates,
  decimal: decimals,
  double: doubles,
  duration: durations,
  float: floats,
  inet: inets,
  int: integers(31n),
  smallint: integers(15n),
  text: texts('binary'),
  time: times,
  timestamp: timestamps,
  timeuuid: inForms(
    bytes16.map(hex => `${hex.slice(0, 12)}1${hex.slice(13)}`),
    hex => hex,
    ...uuidForms,
    ...ofDrivers<string>((driver, hex) => new driver.TimeUuid(bytes(hex))),
  ),
  tinyint: integers(7n),
  uuid: inForms(bytes16, hex => hex, ...uuidForms),
  varint: fc.oneof(
    integers(200n),
    integers(63n),
    // No Integer of the driver, because a failure report would print it, and from 2^1024 on that never ends.
    inForms(nearEdges(-(2n ** 1100n), 2n ** 1100n), String, value => value, String),
  ),
}
