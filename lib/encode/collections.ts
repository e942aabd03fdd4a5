import { types as is } from 'node:util'
import { type CqlType, cqlTypeName } from '../table/cqlType.ts'
import type { Bytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { asKey, encodePresentPart, partRefused } from './element.ts'
import { listIdentity, mapIdentity, setIdentity } from './identity.ts'
import { itemsOf, plainObject, refuseHole } from './items.ts'
import { Refusal } from './refusal.ts'

type Sequence = Extract<CqlType, { kind: 'list' | 'set' }>
type Mapping = Extract<CqlType, { kind: 'map' }>
/** Where an item or key was first seen, by its identity. */
type Seen = Map<string, unknown>

export function listCodec(type: Sequence, element: Codec): Codec {
  return {
    encode: (value, out) => encodeItems(value, element, undefined, out),
    cqlType: cqlTypeName(type),
    accepts: `an Array, Set or other iterable of ${element.cqlType}`,
    fixedSize: undefined,
    isText: false,
    identity: listIdentity(element.identity),
  }
}

export function setCodec(type: Sequence, element: Codec): Codec {
  return {
    encode: (value, out) =>
      encodeItems(value, element, element.isText && is.isSet(value) ? undefined : new Map(), out),
    cqlType: cqlTypeName(type),
    accepts: `a Set, Array or other iterable of ${element.cqlType}, each once`,
    fixedSize: undefined,
    isText: false,
    identity: setIdentity(element.identity),
  }
}

export function mapCodec(type: Mapping, key: Codec, value: Codec): Codec {
  return {
    encode: (map, out) => encodeEntries(map, key, value, out),
    cqlType: cqlTypeName(type),
    accepts: `a Map or plain object of ${key.cqlType} to ${value.cqlType}`,
    fixedSize: undefined,
    isText: false,
    identity: mapIdentity(key.identity, value.identity),
  }
}

function encodeItems(value: unknown, element: Codec, seen: Seen | undefined, out: Bytes): void {
  const items = itemsOf(value)
  const counted = out.openSized()
  let count = 0
  for (const item of items) {
    if (item === undefined) refuseHole(items, count)
    const from = out.openSized()
    encodePresentPart(element, item, count, out)
    out.closeSized(from)
    if (seen !== undefined) refuseTwice(element, item, out, from, seen, count)
    count++
  }
  out.setInt32(counted - 4, count)
}

function encodeEntries(map: unknown, key: Codec, value: Codec, out: Bytes): void {
  // The keys of a Map or object are distinct; as text they stay so, while 1 and "01" are one int.
  const seen: Seen | undefined = key.isText ? undefined : new Map()
  const counted = out.openSized()
  let count = 0
  if (is.isMap(map)) {
    for (const [name, item] of Map.prototype.entries.call(map)) {
      addEntry(key, name, value, item, seen, out)
      count++
    }
  } else {
    const object = plainObject(map)
    for (const name of Object.keys(object)) {
      addEntry(key, name, value, object[name], seen, out)
      count++
    }
  }
  out.setInt32(counted - 4, count)
}

function addEntry(
  key: Codec,
  name: unknown,
  value: Codec,
  item: unknown,
  seen: Seen | undefined,
  out: Bytes,
): void {
  const keyFrom = out.openSized()
  encodePresentPart(key, name, asKey, out)
  out.closeSized(keyFrom)
  if (seen !== undefined) refuseTwice(key, name, out, keyFrom, seen, asKey)
  const from = out.openSized()
  encodePresentPart(value, item, name, out)
  out.closeSized(from)
}

/**
 * Cassandra keeps one of two equal elements or keys in silence. The bytes of this one begin at `from`, and `at` is what
 * names its place.
 */
function refuseTwice(codec: Codec, item: unknown, out: Bytes, from: number, seen: Seen, at: unknown): void {
  const identity = codec.isText ? (item as string) : codec.identity(out.view(from))
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
