import type { CqlType } from '../table/cqlType.ts'
import type { Column } from '../table/schema.ts'
import type { Decoder } from '../value/compiledType.ts'
import { BytesDiffer, checkNulls, decoderFor, setOwn } from '../value/decoder.ts'
import { LENGTH_BYTES } from './cells.ts'
import type { Part, TimedParts } from './timedParts.ts'

/** The place of a value in a page. */
export interface Span {
  from: number
  to: number
  isNull: boolean
}

/** A value that is not null, with its WRITETIME and TTL. */
export interface TimedValue {
  readonly value: Span
  readonly writeTime: Span
  readonly ttl: Span
}

/** Puts the cells of a column's value into the parts that have their times. */
export type AddCells = (parts: TimedParts, bytes: Buffer, given: TimedValue) => void

/** Write time and time to live of a cell. */
interface CellTime {
  readonly time: bigint
  readonly ttl: number
}

const TIME_BYTES = 8

/** @throws BytesDiffer from the returned function, for bytes that are not such a value with its times */
export function addCellsOf({ name, type }: Column): AddCells {
  if (!('frozen' in type) || type.frozen) return addCell(name, decoderFor(type))
  switch (type.kind) {
    case 'list':
      return addList(name, decoderFor(type))
    case 'set':
      return addElements(name, decoderFor(type), 1)
    case 'map':
      return addElements(name, decoderFor(type), 2)
    case 'udt':
      return addFields(name, type)
  }
}

function addCell(name: string, decode: Decoder): AddCells {
  return (parts, bytes, { value, writeTime, ttl }) => {
    const { time, ttl: seconds } = timeAt(bytes, writeTime, ttl)
    parts.at(time, seconds).cells.push({ name, value: decode(bytes, value.from, value.to) })
  }
}

/**
 * A list is written as a whole, with the write time of its newest element and the longest time to live. If its elements were
 * appended in parts instead, a repeat would append them twice.
 */
function addList(name: string, decode: Decoder): AddCells {
  return (parts, bytes, { value, writeTime, ttl }) => {
    const times = timesIn(bytes, writeTime, ttl).filter(time => time !== undefined)
    const [first] = times
    if (first === undefined) throw new BytesDiffer('A list has no write time')
    let { time: newest, ttl: longest } = first
    for (const { time, ttl: seconds } of times) {
      if (time > newest) newest = time
      longest = seconds === 0 || longest === 0 ? 0 : Math.max(seconds, longest)
    }
    parts.at(newest, longest, true).cells.push({ name, value: decode(bytes, value.from, value.to) })
  }
}

/** @param perElement values per element: an element of a map also has a key */
function addElements(name: string, decode: Decoder, perElement: number): AddCells {
  return (parts, bytes, { value, writeTime, ttl }) => {
    const times = timesIn(bytes, writeTime, ttl)
    if (bytes.readInt32BE(value.from) !== times.length) throw new BytesDiffer('Elements and times differ')
    const elements = new Map<Part, Buffer[]>()
    let at = value.from + LENGTH_BYTES
    for (const found of times) {
      if (found === undefined) throw new BytesDiffer('An element has no write time')
      const from = at
      for (let i = 0; i < perElement; i++) at += LENGTH_BYTES + Math.max(0, bytes.readInt32BE(at))
      const part = parts.at(found.time, found.ttl)
      const own = elements.get(part)
      if (own === undefined) elements.set(part, [bytes.subarray(from, at)])
      else own.push(bytes.subarray(from, at))
    }
    for (const [part, own] of elements) {
      const count = Buffer.alloc(LENGTH_BYTES)
      count.writeInt32BE(own.length)
      const some = Buffer.concat([count, ...own])
      part.isOfElements = true
      part.cells.push({ name, value: decode(some, 0, some.length) })
    }
  }
}

function addFields(name: string, { fields }: Extract<CqlType, { kind: 'udt' }>): AddCells {
  const decoders = fields.map(({ type }) => decoderFor(type))
  return (parts, bytes, { value, writeTime, ttl }) => {
    const times = timesIn(bytes, writeTime, ttl)
    const found = new Map<Part, Record<string, unknown>>()
    let at = value.from
    for (const [i, field] of fields.entries()) {
      if (at >= value.to) break
      const from = at + LENGTH_BYTES
      const size = bytes.readInt32BE(at)
      at = from + Math.max(0, size)
      if (size < 0) continue
      const cell = times[i]
      if (cell === undefined) throw new BytesDiffer('A field has no write time')
      const part = parts.at(cell.time, cell.ttl)
      let own = found.get(part)
      if (own === undefined) {
        own = {}
        found.set(part, own)
        part.isOfElements = true
        part.cells.push({ name, value: own })
      }
      setOwn(own, field.name, (decoders[i] as Decoder)(bytes, from, at))
    }
    checkNulls(bytes, at, value.to)
  }
}

/** The span of a value that is one cell. */
function timeAt(bytes: Buffer, { from, to, isNull }: Span, ttl: Span): CellTime {
  if (isNull || to - from !== TIME_BYTES) throw new BytesDiffer('A cell has no write time')
  return { time: bytes.readBigInt64BE(from), ttl: secondsAt(bytes, ttl) }
}

/** 0 would mean forever, so a cell that ends within this second gets one second. */
function secondsAt(bytes: Buffer, { from, isNull }: Span): number {
  return isNull ? 0 : Math.max(1, bytes.readInt32BE(from))
}

/** The span per element or field. Undefined for a null field. */
function timesIn(bytes: Buffer, writeTimes: Span, ttls: Span): (CellTime | undefined)[] {
  const spans = itemsIn(bytes, writeTimes)
  const seconds = itemsIn(bytes, ttls)
  if (spans.length !== seconds.length) throw new BytesDiffer('Write times and times to live differ')
  return spans.map((span, i) => (span.isNull ? undefined : timeAt(bytes, span, seconds[i] as Span)))
}

function itemsIn(bytes: Buffer, { from, to, isNull }: Span): Span[] {
  const items: Span[] = []
  if (isNull) return items
  const count = bytes.readInt32BE(from)
  let at = from + LENGTH_BYTES
  for (let i = 0; i < count; i++) {
    if (at >= to) throw new BytesDiffer('A list of times ends before its last item')
    const size = bytes.readInt32BE(at)
    const start = at + LENGTH_BYTES
    at = start + Math.max(0, size)
    items.push({ from: start, to: at, isNull: size < 0 })
  }
  if (at !== to) throw new BytesDiffer('A list of times has another length')
  return items
}
