import { types } from 'cassandra-driver'
import type { CqlType, ScalarName } from '../../lib/table/cqlType.ts'
import { isoDate, jsonMoment } from './calendar.ts'

/**
 * The meaning of a value, which is the same however the value is given or read. It is text for every scalar except booleans,
 * null, or an array for a value with parts. Meanings are computed without the code of lib/value.
 *
 * integers, varint, timestamp (milliseconds), date (days), time (nanoseconds): decimal digits · decimal: `unscaled e
 * -scale` · float, double: as JavaScript prints it, but `-0` keeps its sign · blob, uuid, inet: hexadecimal digits of the bytes ·
 * duration: `months days nanoseconds` · sets and maps: sorted by their text.
 */
export type Meaning = string | boolean | null | Meaning[]

export function printed(number: number): string {
  return Object.is(number, -0) ? '-0' : String(number)
}

export function sorted(parts: readonly Meaning[]): Meaning[] {
  return parts
    .map(part => ({ part, text: JSON.stringify(part) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ part }) => part)
}

/** The meaning of a value that the driver read. The driver must read maps as Map. */
export function meaningOfRead(type: CqlType, read: unknown): Meaning {
  if (read === null || read === undefined) return null
  switch (type.kind) {
    case 'scalar':
      return meaningOfScalar(read)
    case 'list':
      return (read as unknown[]).map(item => meaningOfRead(type.element, item))
    case 'set':
      return sorted((read as unknown[]).map(item => meaningOfRead(type.element, item)))
    case 'map':
      return sorted(
        [...(read as Map<unknown, unknown>)].map(([key, item]) => [
          meaningOfRead(type.key, key),
          meaningOfRead(type.value, item),
        ]),
      )
    case 'tuple':
      return type.elements.map((element, i) => meaningOfRead(element, (read as types.Tuple).get(i)))
    case 'vector':
      return (read as types.Vector).elements.map((item: unknown) => meaningOfRead(type.element, item))
    case 'udt':
      return type.fields.map(field =>
        meaningOfRead(field.type, (read as Record<string, unknown>)[field.name]),
      )
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

/** Reads an Integer from its bytes, because its toString() never returns from 2^1024 on. */
export function integerIn(integer: types.Integer): bigint {
  const bytes = types.Integer.toBuffer(integer)
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${bytes.toString('hex')}`))
}

function meaningOfScalar(read: unknown): Meaning {
  if (typeof read === 'string' || typeof read === 'boolean') return read
  if (typeof read === 'number') return printed(read)
  if (read instanceof types.Integer) return String(integerIn(read))
  if (read instanceof Date) return String(read.getTime())
  if (read instanceof types.BigDecimal) {
    const { _intVal, _scale } = read as unknown as { _intVal: types.Integer; _scale: number }
    return `${integerIn(_intVal)}e${-_scale}`
  }
  if (read instanceof types.Duration) {
    const { months, days, nanoseconds } = read as unknown as Record<string, unknown>
    return `${months} ${days} ${nanoseconds}`
  }
  if (read instanceof types.LocalDate) return String(read.toBuffer().readUInt32BE(0) - 2 ** 31)
  if (read instanceof types.LocalTime) return read.getTotalNanoseconds().toString()
  if (read instanceof types.Uuid) return read.getBuffer().toString('hex')
  if (read instanceof types.InetAddress) return read.getBuffer().toString('hex')
  if (Buffer.isBuffer(read)) return read.toString('hex')
  return String(read)
}

/** The meaning of a column as `toJson` prints it. */
export function meaningOfJson(type: CqlType, json: string): Meaning {
  // Turns every number into text, because JavaScript would round it.
  const exact = json.replaceAll(
    /("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g,
    (_, text: string | undefined, number: string) => text ?? `"${number}"`,
  )
  return meaningOfParsed(type, JSON.parse(exact))
}

function meaningOfParsed(type: CqlType, json: unknown): Meaning {
  if (json === null) return null
  switch (type.kind) {
    case 'scalar':
      return meaningOfText(type.name, json as string | boolean)
    case 'list':
    case 'vector':
      return (json as unknown[]).map(item => meaningOfParsed(type.element, item))
    case 'set':
      return sorted((json as unknown[]).map(item => meaningOfParsed(type.element, item)))
    case 'tuple':
      return type.elements.map((element, i) => meaningOfParsed(element, (json as unknown[])[i]))
    case 'map':
      return sorted(
        Object.entries(json as object).map(([key, item]) => [
          // A key that is not text is JSON inside a JSON string.
          type.key.kind === 'scalar' ? meaningOfText(type.key.name, key) : meaningOfJson(type.key, key),
          meaningOfParsed(type.value, item),
        ]),
      )
    case 'udt':
      return type.fields.map(({ name, type: fieldType }) => {
        const shown = /^[a-z][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
        const own =
          Object.getOwnPropertyDescriptor(json, shown) ?? Object.getOwnPropertyDescriptor(json, name)
        if (own === undefined) throw new Error(`SELECT JSON shows no field ${name}`)
        return meaningOfParsed(fieldType, own.value)
      })
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

function meaningOfText(name: ScalarName, text: string | boolean): Meaning {
  if (typeof text === 'boolean') return text
  switch (name) {
    case 'boolean':
      return text === 'true'
    case 'double':
      return printed(Number(text))
    case 'float':
      return printed(Math.fround(Number(text)))
    case 'decimal':
      return decimalMeaning(text)
    case 'blob':
      return text.slice(2)
    case 'uuid':
    case 'timeuuid':
      return text.replaceAll('-', '')
    case 'time': {
      const [hours, minutes, seconds, fraction] = text.split(/[:.]/).map(BigInt)
      if (fraction === undefined) throw new Error(`${text} has no nanoseconds`)
      return String((((hours ?? 0n) * 60n + (minutes ?? 0n)) * 60n + (seconds ?? 0n)) * 10n ** 9n + fraction)
    }
    case 'inet':
      return text.includes(':')
        ? text
            .split(':')
            .map(group => group.padStart(4, '0'))
            .join('')
        : Buffer.from(text.split('.').map(Number)).toString('hex')
    case 'duration':
      return durationMeaning(text)
    default:
      return text
  }
}

/** Digits and scale of decimal text. */
export function decimalMeaning(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  return `${BigInt(whole.replace('-', '') + fraction) * (whole.startsWith('-') ? -1n : 1n)}e${Number(exponent) - fraction.length}`
}

const perUnit: Record<string, readonly [place: number, count: bigint]> = {
  y: [0, 12n],
  mo: [0, 1n],
  w: [1, 7n],
  d: [1, 1n],
  h: [2, 3_600_000_000_000n],
  m: [2, 60_000_000_000n],
  s: [2, 1_000_000_000n],
  ms: [2, 1_000_000n],
  us: [2, 1000n],
  ns: [2, 1n],
}

/** Parses the CQL form of a duration. Any other text is an error. */
export function durationMeaning(text: string): string {
  const parts = [0n, 0n, 0n]
  const rest = text.replaceAll(/(\d+)([a-z]+)/g, (_, digits: string, unit: string) => {
    const [place, count] = perUnit[unit] ?? [3, 0n]
    if (place === 3) throw new Error(`${text} has the unit ${unit}`)
    parts[place] = (parts[place] ?? 0n) + BigInt(digits) * count
    return ''
  })
  if (rest !== '' && rest !== '-') throw new Error(`${text} is no duration`)
  return parts.map(part => (rest === '-' ? -part : part)).join(' ')
}

/** The meaning that remains in JSON, which has no NaN and no infinity, and where the server prints some types shorter. */
export function asJson(type: CqlType, meaning: Meaning): Meaning {
  if (meaning === null || typeof meaning === 'boolean') return meaning
  if (typeof meaning === 'string') return type.kind === 'scalar' ? textAsJson(type.name, meaning) : meaning
  switch (type.kind) {
    case 'list':
    case 'vector':
      return meaning.map(item => asJson(type.element, item))
    case 'set':
      return sorted(meaning.map(item => asJson(type.element, item)))
    case 'map':
      return sorted(
        (meaning as Meaning[][]).map(([key = null, item = null]) => [
          asJson(type.key, key),
          asJson(type.value, item),
        ]),
      )
    case 'tuple':
      return meaning.map((item, i) => asJson(type.elements[i] as CqlType, item))
    case 'udt':
      return meaning.map((item, i) => asJson(type.fields[i]?.type as CqlType, item))
    case 'scalar':
    case 'unsupported':
      throw new Error(`${type.kind} has no parts`)
  }
}

function textAsJson(name: ScalarName, meaning: string): Meaning {
  switch (name) {
    case 'float':
    case 'double':
      return Number.isFinite(Number(meaning)) ? meaning : null
    case 'inet':
      return plainInet(meaning)
    case 'timestamp':
      return jsonMoment(BigInt(meaning))
    case 'date':
      return isoDate(Number(meaning))
    default:
      return meaning
  }
}

/** An IPv4 address written as IPv6 is the IPv4 address. */
export function plainInet(hex: string): string {
  return hex.startsWith('00000000000000000000ffff') ? hex.slice(24) : hex
}

/** A text that is the same for two meanings exactly if they are equal as set elements or map keys in Cassandra. */
export function identityText(type: CqlType, meaning: Meaning): string {
  return JSON.stringify(identityOf(type, meaning))
}

function identityOf(type: CqlType, meaning: Meaning): Meaning {
  if (meaning === null || typeof meaning === 'boolean') return meaning
  if (typeof meaning === 'string') {
    if (type.kind !== 'scalar') return meaning
    if (type.name === 'decimal') return meaning.replace(/^(-?\d*?)(0*)e(-?\d+)$/, trimZeros)
    return meaning
  }
  switch (type.kind) {
    case 'list':
    case 'vector':
      return meaning.map(item => identityOf(type.element, item))
    case 'set':
      return sorted(meaning.map(item => identityOf(type.element, item)))
    case 'map':
      return sorted(
        (meaning as Meaning[][]).map(([key = null, item = null]) => [
          identityOf(type.key, key),
          identityOf(type.value, item),
        ]),
      )
    case 'tuple':
      return meaning.map((item, i) => identityOf(type.elements[i] as CqlType, item))
    default:
      return meaning.map((item, i) =>
        type.kind === 'udt' ? identityOf(type.fields[i]?.type as CqlType, item) : item,
      )
  }
}

function trimZeros(_: string, digits: string, zeros: string, exponent: string): string {
  return digits === '' || digits === '-' ? '0' : `${digits}e${Number(exponent) + zeros.length}`
}
