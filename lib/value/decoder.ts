import { types } from 'cassandra-driver'
import type { ValueForm } from '../options/readSettings.ts'
import type { CqlType, ScalarName } from '../table/cqlType.ts'
import type { Decoder } from './compiledType.ts'
import { scalars } from './typeTable.ts'
import { readVint, vintSizeAt } from './vint.ts'

const LENGTH_BYTES = 4

/** Bytes that are not a value of their type: the type has changed since. */
export class BytesDiffer extends Error {
  override readonly name = 'BytesDiffer'
}

/**
 * Compiles a type for reading, once for each column. What comes out is in one of three forms: plain JavaScript, what JSON
 * keeps, or the driver's own classes. The encoder of the type takes each as the same value. A counter is read as a
 * bigint, and a value of a custom type as a blob.
 */
export function decoderFor(type: CqlType, form: ValueForm = 'plain'): Decoder {
  switch (type.kind) {
    case 'scalar':
      return scalarDecoder(type.name, form)
    case 'list':
      return listDecoder(decoderFor(type.element, form))
    case 'set': {
      const items = listDecoder(decoderFor(type.element, form))
      return form === 'plain' ? setDecoder(items) : items
    }
    case 'map':
      return mapDecoderFor(type, form)
    case 'tuple': {
      const items = tupleDecoder(type.elements.map(element => decoderFor(element, form)))
      return form === 'driver' ? (...value) => types.Tuple.fromArray(items(...value)) : items
    }
    case 'udt':
      return udtDecoder(
        type.fields.map(({ name }) => name),
        type.fields.map(field => decoderFor(field.type, form)),
      )
    case 'vector': {
      const { element, dimension } = type
      const items = vectorDecoder(decoderFor(element, form), dimension, fixedSizeOf(element))
      if (form !== 'driver') return items
      const name = driverTypeName(element)
      return (...value) => new types.Vector(items(...value), name)
    }
    case 'unsupported':
      return scalarDecoder(type.text === 'counter' ? 'bigint' : 'blob', form)
  }
}

/** Reads the values of a column. A call per value is saved where the caller looks for values without bytes. */
export interface ColumnDecoder {
  readonly decode: Decoder
  /** A value without bytes is null, and is not given to `decode`. */
  readonly isNullWhenEmpty: boolean
}

/** As {@link decoderFor}, for a column. */
export function columnDecoderFor(type: CqlType, form: ValueForm): ColumnDecoder {
  if (type.kind !== 'scalar') return { decode: decoderFor(type, form), isNullWhenEmpty: false }
  const { decode: plain, json = plain, driver = plain, isEmptyValue = false } = scalars[type.name]
  // Types from the time of Thrift may hold no bytes at all, which drivers read as null.
  return { decode: { plain, json, driver }[form], isNullWhenEmpty: !isEmptyValue }
}

function scalarDecoder(name: ScalarName, form: ValueForm): Decoder {
  const { decode, isNullWhenEmpty } = columnDecoderFor({ kind: 'scalar', name }, form)
  return isNullWhenEmpty ? (bytes, from, to) => (from === to ? null : decode(bytes, from, to)) : decode
}

/** An object has text for its keys, which says all of a scalar to the encoder, but nothing of its class. */
function mapDecoderFor({ key, value }: Extract<CqlType, { kind: 'map' }>, form: ValueForm): Decoder {
  const parts = [decoderFor(key, form), decoderFor(value, form)] as const
  if (form === 'json') return key.kind === 'scalar' ? objectDecoder(...parts) : pairsDecoder(...parts)
  return form === 'driver' && isText(key) ? objectDecoder(...parts) : mapDecoder(...parts)
}

function isText(type: CqlType): boolean {
  return type.kind === 'scalar' && (type.name === 'text' || type.name === 'ascii')
}

/** Reads a part that has its length before it; `null` where that is negative. */
function partAt(decode: Decoder, bytes: Buffer, at: number): unknown {
  const length = bytes.readInt32BE(at)
  const from = at + LENGTH_BYTES
  return length < 0 ? null : decode(bytes, from, from + length)
}

function partEnd(bytes: Buffer, at: number): number {
  return at + LENGTH_BYTES + Math.max(0, bytes.readInt32BE(at))
}

/** Reads parts that stand one after the other. */
type ItemsDecoder = (bytes: Buffer, from: number, to: number) => unknown[]

function listDecoder(element: Decoder): ItemsDecoder {
  return (bytes, from) => {
    const count = bytes.readInt32BE(from)
    const items: unknown[] = []
    for (let i = 0, at = from + LENGTH_BYTES; i < count; i++, at = partEnd(bytes, at)) {
      items.push(partAt(element, bytes, at))
    }
    return items
  }
}

function setDecoder(items: ItemsDecoder): Decoder {
  return (bytes, from, to) => {
    const found = new Set<unknown>()
    for (const item of items(bytes, from, to)) found.add(keyFor(item))
    return found
  }
}

function mapDecoder(key: Decoder, value: Decoder): Decoder {
  return (bytes, from) => {
    const count = bytes.readInt32BE(from)
    const found = new Map<unknown, unknown>()
    for (let i = 0, at = from + LENGTH_BYTES; i < count; i++) {
      const valueAt = partEnd(bytes, at)
      found.set(keyFor(partAt(key, bytes, at)), partAt(value, bytes, valueAt))
      at = partEnd(bytes, valueAt)
    }
    return found
  }
}

function pairsDecoder(key: Decoder, value: Decoder): (bytes: Buffer, from: number) => [unknown, unknown][] {
  return (bytes, from) => {
    const count = bytes.readInt32BE(from)
    const found: [unknown, unknown][] = []
    for (let i = 0, at = from + LENGTH_BYTES; i < count; i++) {
      const valueAt = partEnd(bytes, at)
      found.push([partAt(key, bytes, at), partAt(value, bytes, valueAt)])
      at = partEnd(bytes, valueAt)
    }
    return found
  }
}

function objectDecoder(key: Decoder, value: Decoder): Decoder {
  const pairs = pairsDecoder(key, value)
  return (bytes, from) => {
    const found: Record<string, unknown> = {}
    for (const [name, item] of pairs(bytes, from)) setOwn(found, String(name), item)
    return found
  }
}

/** JavaScript makes 0 of -0 in a set or as a key: as text it is the same value to a sink. */
function keyFor(item: unknown): unknown {
  return Object.is(item, -0) ? '-0' : item
}

/** Items that are missing at the end are null: such a tuple was written when its type had fewer. */
function tupleDecoder(elements: readonly Decoder[]): ItemsDecoder {
  return (bytes, from, to) => {
    let at = from
    const items = elements.map(element => {
      if (at >= to) return null
      const item = partAt(element, bytes, at)
      at = partEnd(bytes, at)
      return item
    })
    if (at < to) throw new BytesDiffer('A tuple has more items than its type')
    return items
  }
}

function udtDecoder(names: readonly string[], fields: readonly Decoder[]): Decoder {
  const items = tupleDecoder(fields)
  return (bytes, from, to) => {
    const found: Record<string, unknown> = {}
    for (const [i, item] of items(bytes, from, to).entries()) setOwn(found, names[i] ?? '', item)
    return found
  }
}

/** Also for names that every object inherits, whose assignment may mean something else, or be forbidden. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (!(name in object)) object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

/** Values of one size stand without lengths, all others with. */
function vectorDecoder(element: Decoder, dimension: number, fixedSize: number | undefined): ItemsDecoder {
  return (bytes, from, to) => {
    const items: unknown[] = []
    let at = from
    for (let i = 0; i < dimension; i++) {
      const size = fixedSize ?? readVint(bytes, at)
      if (fixedSize === undefined) at += vintSizeAt(bytes, at)
      items.push(element(bytes, at, at + size))
      at += size
    }
    if (at !== to) throw new BytesDiffer('A vector has another length than its type')
    return items
  }
}

function fixedSizeOf(type: CqlType): number | undefined {
  if (type.kind === 'scalar') return scalars[type.name].fixedSize
  if (type.kind !== 'vector') return undefined
  const size = fixedSizeOf(type.element)
  return size === undefined ? undefined : size * type.dimension
}

/** A type as the driver calls the elements of a vector: nothing is frozen, and text is varchar. */
function driverTypeName(type: CqlType): string {
  switch (type.kind) {
    case 'scalar':
      return type.name === 'text' ? 'varchar' : type.name
    case 'list':
    case 'set':
      return `${type.kind}<${driverTypeName(type.element)}>`
    case 'map':
      return `map<${driverTypeName(type.key)}, ${driverTypeName(type.value)}>`
    case 'tuple':
      return `tuple<${type.elements.map(driverTypeName).join(', ')}>`
    case 'vector':
      return `vector<${driverTypeName(type.element)}, ${type.dimension}>`
    case 'udt':
      return type.name.startsWith('"') ? type.name.slice(1, -1).replaceAll('""', '"') : type.name
    case 'unsupported':
      return type.text
  }
}
