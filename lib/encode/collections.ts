import { types as is } from 'node:util'
import { type CqlType, cqlTypeName } from '../table/cqlType.ts'
import type { Codec } from './codec.ts'
import { asKey, encodePresentPart, partRefused } from './element.ts'
import { GrowingBytes } from './growingBytes.ts'
import { listIdentity, mapIdentity, setIdentity } from './identity.ts'
import { itemsOf, plainObject, refuseHole } from './items.ts'
import { Refusal } from './refusal.ts'

type Sequence = Extract<CqlType, { kind: 'list' | 'set' }>
type Mapping = Extract<CqlType, { kind: 'map' }>
/** Where an item or key was first seen, by its identity. */
type Seen = Map<string, unknown>

export function listCodec(type: Sequence, element: Codec): Codec {
  return {
    encode: value => encodeItems(value, element, undefined),
    cqlType: cqlTypeName(type),
    accepts: `an Array, Set or other iterable of ${element.cqlType}`,
    fixedSize: undefined,
    isText: false,
    identity: listIdentity(element.identity),
  }
}

export function setCodec(type: Sequence, element: Codec): Codec {
  return {
    encode: value => encodeItems(value, element, element.isText && is.isSet(value) ? undefined : new Map()),
    cqlType: cqlTypeName(type),
    accepts: `a Set, Array or other iterable of ${element.cqlType}, each once`,
    fixedSize: undefined,
    isText: false,
    identity: setIdentity(element.identity),
  }
}

export function mapCodec(type: Mapping, key: Codec, value: Codec): Codec {
  return {
    encode: map => encodeEntries(map, key, value),
    cqlType: cqlTypeName(type),
    accepts: `a Map or plain object of ${key.cqlType} to ${value.cqlType}`,
    fixedSize: undefined,
    isText: false,
    identity: mapIdentity(key.identity, value.identity),
  }
}

function encodeItems(value: unknown, element: Codec, seen: Seen | undefined): Buffer {
  const items = itemsOf(value)
  const known = Array.isArray(value) ? value.length : is.isSet(value) ? value.size : 16
  const bytes = new GrowingBytes(value, 4 + known * (4 + sizeGuess(element)))
  let count = 0
  bytes.int32(0)
  for (const item of items) {
    if (item === undefined) refuseHole(items, count)
    const encoded = encodePresentPart(element, item, count)
    if (seen !== undefined) refuseTwice(element, item, encoded, seen, count)
    bytes.addSized(encoded)
    count++
  }
  bytes.setInt32(0, count)
  return bytes.toBuffer()
}

function encodeEntries(map: unknown, key: Codec, value: Codec): Buffer {
  // The keys of a Map or object are distinct; as text they stay so, while 1 and "01" are one int.
  const seen: Seen | undefined = key.isText ? undefined : new Map()
  if (is.isMap(map)) {
    const bytes = new GrowingBytes(map, 4 + map.size * (8 + sizeGuess(key) + sizeGuess(value)))
    bytes.int32(0)
    let count = 0
    for (const [name, item] of Map.prototype.entries.call(map)) {
      addEntry(bytes, key, name, value, item, seen)
      count++
    }
    bytes.setInt32(0, count)
    return bytes.toBuffer()
  }
  const object = plainObject(map)
  const names = Object.keys(object)
  const bytes = new GrowingBytes(map, 4 + names.length * (8 + sizeGuess(key) + sizeGuess(value)))
  bytes.int32(names.length)
  for (const name of names) addEntry(bytes, key, name, value, object[name], seen)
  return bytes.toBuffer()
}

function addEntry(
  bytes: GrowingBytes,
  key: Codec,
  name: unknown,
  value: Codec,
  item: unknown,
  seen: Seen | undefined,
): void {
  const encoded = encodePresentPart(key, name, asKey)
  if (seen !== undefined) refuseTwice(key, name, encoded, seen, asKey)
  bytes.addSized(encoded)
  bytes.addSized(encodePresentPart(value, item, name))
}

/** Cassandra keeps one of two equal elements or keys in silence. `at` is what names the place of this one. */
function refuseTwice(codec: Codec, item: unknown, encoded: Buffer, seen: Seen, at: unknown): void {
  const identity = codec.isText ? (item as string) : codec.identity(encoded)
  if (!seen.has(identity)) {
    seen.set(identity, at)
    return
  }
  const first = seen.get(identity)
  const reason =
    first === asKey
      ? 'is the same key as an earlier one'
      : `is the same ${codec.cqlType} as item ${String(first)}`
  throw partRefused(codec, item, at, new Refusal(item, reason))
}

function sizeGuess(codec: Codec): number {
  return codec.fixedSize ?? 12
}
