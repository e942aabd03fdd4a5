import { types } from 'cassandra-driver'
import type { ValueForm } from '../options/readSettings.ts'
import type { CqlType, ScalarName } from '../table/cqlType.ts'
import type { Decoder } from './compiledType.ts'
import { scalars } from './typeTable.ts'
import { readVint, vintSizeAt } from './vint.ts'

const LENGTH_BYTES = 4

/** Thrown for bytes that are not a value of their type, because the type has changed. */
export class BytesDiffer extends Error {
  override readonly name = 'BytesDiffer'
}

/**
 * Compiles a type for reading, once per column. Values have one of three forms: plain JavaScript, what JSON keeps, or the driver's
 * own classes. The encoder of the type takes each as the same value. A counter reads as a bigint, and a custom type as a blob.
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

/** Reads the values of a column. The caller checks for empty values, which saves a call per value. */
export interface ColumnDecoder {
  readonly decode: Decoder
  /** Whether an empty value is null and must not go to `decode`. */
  readonly isNullWhenEmpty: boolean
}

/** Like {@link decoderFor}, for a column. */
export function columnDecoderFor(type: CqlType, form: ValueForm): ColumnDecoder {
  if (type.kind !== 'scalar') return { decode: decoderFor(type, form), isNullWhenEmpty: false }
  const { decode: plain, json = plain, driver = plain, isEmptyValue = false } = scalars[type.name]
  // Types from the time of Thrift may have empty values, which drivers read as null.
  return { decode: { plain, json, driver }[form], isNullWhenEmpty: !isEmptyValue }
}

function scalarDecoder(name: ScalarName, form: ValueForm): Decoder {
  const { decode, isNullWhenEmpty } = columnDecoderFor({ kind: 'scalar', name }, form)
  return isNullWhenEmpty ? (bytes, from, to) => (from === to ? null : decode(bytes, from, to)) : decode
}

/** The keys of an object are text. The encoder understands a scalar as text, but its class is lost. */
function mapDecoderFor({ key, value }: Extract<CqlType, { kind: 'map' }>, form: ValueForm): Decoder {
  const parts = [decoderFor(key, form), decoderFor(value, form)] as const
  if (form === 'json') return key.kind === 'scalar' ? objectDecoder(...parts) : pairsDecoder(...parts)
  return form === 'driver' && isText(key) ? objectDecoder(...parts) : mapDecoder(...parts)
}

function isText(type: CqlType): boolean {
  return type.kind === 'scalar' && (type.name === 'text' || type.name === 'ascii')
}

/** Reads a part that is preceded by its length. Null if the length is negative. */
function partAt(decode: Decoder, bytes: Buffer, at: number): unknown {
  const length = bytes.readInt32BE(at)
  const from = at + LENGTH_BYTES
  return length < 0 ? null : decode(bytes, from, from + length)
}

function partEnd(bytes: Buffer, at: number): number {
  return at + LENGTH_BYTES + Math.max(0, bytes.readInt32BE(at))
}

/** Reads consecutive parts. */
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

/** JavaScript turns -0 into 0 in a Set or as a key. As text it stays the same value to a sink. */
function keyFor(item: unknown): unknown {
  return Object.is(item, -0) ? '-0' : item
}

/** Missing items at the end are null: such a tuple was written when its type had fewer items. */
function tupleDecoder(elements: readonly Decoder[]): ItemsDecoder {
  return (bytes, from, to) => {
    let at = from
    const items = elements.map(element => {
      if (at >= to) return null
      const item = partAt(element, bytes, at)
      at = partEnd(bytes, at)
      return item
    })
    if (at < to) checkNulls(bytes, at, to)
    return items
  }
}

/**
 * Cassandra stores a user-defined type that is not frozen in one cell per field, and sends a null for each field without a cell.
 * Such a null may belong to a field that was added to the type after the schema was read.
 * @param from end of the last part that the type has
 * @throws BytesDiffer if there is a value
 */
export function checkNulls(bytes: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at += LENGTH_BYTES) {
    if (bytes.readInt32BE(at) >= 0) throw new BytesDiffer('A value has more parts than its type')
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

/** Also sets names that every object inherits, whose assignment may do something else or be forbidden. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (!(name in object)) object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

/** Values of a fixed size have no lengths. All others have. */
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

/** A type as the driver names the elements of a vector: nothing is frozen, and text is varchar. */
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
