import type { Bytes } from './bytes.ts'
import { field, isDriver, longValue } from './driverValue.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { isTemporal } from './temporal.ts'
import { readSignedVint, vintSize, vintSizeAt, writeVint, zigzag } from './vint.ts'

/** Three separate counts: a month has no fixed number of days, and a day no fixed number of hours. */
interface Duration {
  readonly months: bigint
  readonly days: bigint
  readonly nanoseconds: bigint
}

const second = 1_000_000_000n
const largest32 = 2n ** 31n - 1n
const largest64 = 2n ** 63n - 1n

const cqlForm =
  /^(?:(\d+)y)?(?:(\d+)mo)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?(?:(\d+)[uµμ]s)?(?:(\d+)ns)?$/
const isoForm =
  /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?$/
const isoAlternativeForm = /^P(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})$/

/** Longest text that can be in range. More digits would only cost time. */
const longestText = 300

export function encodeDuration(value: unknown, out: Bytes): void {
  const { months, days, nanoseconds } = durationOf(value)
  refuseBeyond(value, months, largest32, 'months')
  refuseBeyond(value, days, largest32, 'days')
  refuseBeyond(value, nanoseconds, largest64, 'nanoseconds')
  const parts = [months, days, nanoseconds]
  if (parts.some(part => part < 0n) && parts.some(part => part > 0n)) {
    throw new Refusal(value, 'mixes signs: months, days and nanoseconds must all be positive or all negative')
  }
  for (const part of parts) {
    const unsigned = zigzag(part)
    const at = out.claim(vintSize(unsigned))
    writeVint(out.slab, at, unsigned)
  }
}

/** Limits of 32 and 64 bits. The server refuses the CQL literal of the lowest number but stores the number. */
function refuseBeyond(value: unknown, count: bigint, largest: bigint, unit: string): void {
  if (count > largest || count < -largest - 1n) throw new Refusal(value, `has more than ${largest} ${unit}`)
}

function durationOf(value: unknown): Duration {
  if (typeof value === 'string') {
    const duration = value.length > longestText ? undefined : parseDuration(value)
    if (duration === undefined)
      throw new Refusal(value, 'is not a duration such as 1y2mo3d4h5m6s or P1Y2M3DT4H5M6S')
    return duration
  }
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  if (isTemporal(value, 'Duration')) return durationOfTemporal(value)
  if (!isDriver(value, 'Duration')) throw wrongKind(value)
  const nanoseconds = field(value, 'nanoseconds')
  const long = typeof nanoseconds === 'object' && nanoseconds !== null ? longValue(nanoseconds) : undefined
  if (long === undefined) throw new Refusal(value, 'is a Duration without a Long of nanoseconds')
  return { months: whole(value, 'months'), days: whole(value, 'days'), nanoseconds: long }
}

function parseDuration(text: string): Duration | undefined {
  const negative = text.startsWith('-')
  const size = negative ? text.slice(1) : text
  const duration = size.startsWith('P') ? parseIso(size) : parseCql(size)
  if (duration === undefined || !negative) return duration
  return { months: -duration.months, days: -duration.days, nanoseconds: -duration.nanoseconds }
}

function parseCql(text: string): Duration | undefined {
  // Only ASCII letters are accepted in both cases, because the upper case of µ is a Greek M.
  const match = text === '' ? null : cqlForm.exec(text.replace(/[A-Z]/g, letter => letter.toLowerCase()))
  if (match === null) return undefined
  const [years, months, weeks, days, hours, minutes, seconds, milliseconds, microseconds, nanoseconds] =
    counts(match)
  return total(
    { years, months, weeks, days, hours, minutes, seconds },
    (milliseconds ?? 0n) * 1_000_000n + (microseconds ?? 0n) * 1000n + (nanoseconds ?? 0n),
  )
}

function parseIso(text: string): Duration | undefined {
  const alternative = isoAlternativeForm.exec(text)
  if (alternative !== null) {
    const [years, months, days, hours, minutes, seconds] = counts(alternative)
    return total({ years, months, days, hours, minutes, seconds }, 0n)
  }
  const match = text === 'P' ? null : isoForm.exec(text)
  if (match === null) return undefined
  const [years, months, weeks, days, hours, minutes, seconds] = counts(match)
  return total(
    { years, months, weeks, days, hours, minutes, seconds },
    BigInt((match[8] ?? '0').padEnd(9, '0')),
  )
}

function counts(match: RegExpExecArray): bigint[] {
  return match.slice(1).map(digits => BigInt(digits ?? 0))
}

type Unit = 'years' | 'months' | 'weeks' | 'days' | 'hours' | 'minutes' | 'seconds'

function total(count: { readonly [unit in Unit]?: bigint | undefined }, nanoseconds: bigint): Duration {
  const { years = 0n, months = 0n, weeks = 0n, days = 0n, hours = 0n, minutes = 0n, seconds = 0n } = count
  return {
    months: years * 12n + months,
    days: weeks * 7n + days,
    nanoseconds: (hours * 3600n + minutes * 60n + seconds) * second + nanoseconds,
  }
}

function durationOfTemporal(value: object): Duration {
  return total(
    {
      years: whole(value, 'years'),
      months: whole(value, 'months'),
      weeks: whole(value, 'weeks'),
      days: whole(value, 'days'),
      hours: whole(value, 'hours'),
      minutes: whole(value, 'minutes'),
      seconds: whole(value, 'seconds'),
    },
    whole(value, 'milliseconds') * 1_000_000n +
      whole(value, 'microseconds') * 1000n +
      whole(value, 'nanoseconds'),
  )
}

function whole(value: object, name: string): bigint {
  const count = field(value, name)
  if (typeof count !== 'number' || !Number.isInteger(count))
    throw new Refusal(value, `has no whole number of ${name}`)
  return BigInt(count)
}

/** In the format of CQL: `1y2mo3d4h5m6s`, and `0s` for zero. */
export function decodeDuration(bytes: Buffer, from: number): string {
  let at = from
  const [months, days, nanoseconds] = [0, 1, 2].map(() => {
    const value = readSignedVint(bytes, at)
    at += vintSizeAt(bytes, at)
    return value
  }) as [bigint, bigint, bigint]
  const isNegative = months < 0n || days < 0n || nanoseconds < 0n
  const size = (part: bigint) => (isNegative ? -part : part)
  let rest = size(nanoseconds)
  const parts: [bigint, string][] = [
    [size(months) / 12n, 'y'],
    [size(months) % 12n, 'mo'],
    [size(days), 'd'],
  ]
  for (const [unit, name] of clockUnits) {
    parts.push([rest / unit, name])
    rest %= unit
  }
  const text = parts.map(([count, name]) => (count === 0n ? '' : `${count}${name}`)).join('')
  return text === '' ? '0s' : isNegative ? `-${text}` : text
}

const clockUnits: readonly (readonly [nanoseconds: bigint, name: string])[] = [
  [3600n * second, 'h'],
  [60n * second, 'm'],
  [second, 's'],
  [1_000_000n, 'ms'],
  [1000n, 'us'],
  [1n, 'ns'],
]
