import type { CqlType, UdtField } from '../table/cqlType.ts'
import { decodeBlob } from './blob.ts'
import type { Decoder } from './compiledType.ts'
import { decodeBigint } from './integers.ts'
import { scalars } from './typeTable.ts'
import { readVint, vintSizeAt } from './vint.ts'

const LENGTH_BYTES = 4

/** Bytes that are not a value of their type: the type has changed since. */
export class BytesDiffer extends Error {
  override readonly name = 'BytesDiffer'
}

/**
 * Compiles a type for reading, once for each column. What comes out is plain JavaScript that the encoder of the type
 * takes as the same value. A counter is a BigInt, and a value of a custom type its bytes.
 */
export function decoderFor(type: CqlType): Decoder {
  switch (type.kind) {
    case 'scalar': {
      const { decode, isEmptyValue = false } = scalars[type.name]
      // Types from the time of Thrift may hold no bytes at all, which drivers read as null.
      return isEmptyValue ? decode : (bytes, from, to) => (from === to ? null : decode(bytes, from, to))
    }
    case 'list':
      return listDecoder(decoderFor(type.element))
    case 'set':
      return setDecoder(decoderFor(type.element))
    case 'map':
      return mapDecoder(decoderFor(type.key), decoderFor(type.value))
    case 'tuple':
      return tupleDecoder(type.elements.map(decoderFor))
    case 'udt':
      return udtDecoder(type.fields)
    case 'vector':
      return vectorDecoder(decoderFor(type.element), type.dimension, fixedSizeOf(type.element))
    case 'unsupported':
      return type.text === 'counter' ? decodeBigint : decodeBlob
  }
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

function listDecoder(element: Decoder): Decoder {
  return (bytes, from) => {
    const count = bytes.readInt32BE(from)
    const items: unknown[] = []
    for (let i = 0, at = from + LENGTH_BYTES; i < count; i++, at = partEnd(bytes, at)) {
      items.push(partAt(element, bytes, at))
    }
    return items
  }
}

function setDecoder(element: Decoder): Decoder {
  const items = listDecoder(element)
  return (bytes, from, to) => {
    const found = new Set<unknown>()
    for (const item of items(bytes, from, to) as unknown[]) found.add(keyFor(item))
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

/** JavaScript makes 0 of -0 in a set or as a key: as text it is the same value to a sink. */
function keyFor(item: unknown): unknown {
  return Object.is(item, -0) ? '-0' : item
}

/** Items that are missing at the end are null: such a tuple was written when its type had fewer. */
function tupleDecoder(elements: readonly Decoder[]): Decoder {
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

function udtDecoder(fields: readonly UdtField[]): Decoder {
  const names = fields.map(({ name }) => name)
  const items = tupleDecoder(fields.map(({ type }) => decoderFor(type)))
  return (bytes, from, to) => {
    const found: Record<string, unknown> = {}
    for (const [i, item] of (items(bytes, from, to) as unknown[]).entries())
      setOwn(found, names[i] ?? '', item)
    return found
  }
}

/** Also for names that every object inherits, whose assignment may mean something else, or be forbidden. */
export function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (!(name in object)) object[name] = value
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

/** Values of one size stand without lengths, all others with. */
function vectorDecoder(element: Decoder, dimension: number, fixedSize: number | undefined): Decoder {
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
