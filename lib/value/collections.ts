import { types as is } from 'node:util'
import { type CqlType, cqlTypeName } from '../table/cqlType.ts'
import type { Bytes } from './bytes.ts'
import type { CompiledType } from './compiledType.ts'
import { collectionIdentity } from './identity.ts'
import { itemsOf, plainObject, refuseHole } from './objects.ts'
import { asKey, encodePresentPart, partRefused } from './part.ts'
import { collectionOrder, sortParts } from './partsOrder.ts'
import { Refusal, within } from './refusal.ts'

type Sequence = Extract<CqlType, { kind: 'list' | 'set' }>
type Mapping = Extract<CqlType, { kind: 'map' }>
/** The place where an item or key was first seen, by its identity. */
type Seen = Map<string, unknown>

export function compileList(type: Sequence, element: CompiledType): CompiledType {
  return {
    encode: (value, out) => encodeItems(value, element, undefined, undefined, out),
    cqlType: cqlTypeName(type),
    accepts: `an Array, Set or other iterable of ${element.cqlType}`,
    fixedSize: undefined,
    isText: false,
    identity: collectionIdentity(element.identity),
    order: collectionOrder(element.order),
  }
}

/** @param sorts whether its elements are sorted here. Otherwise the server sorts them */
export function compileSet(type: Sequence, element: CompiledType, sorts: boolean): CompiledType {
  return {
    encode: (value, out) => {
      const starts: number[] | undefined = sorts ? [] : undefined
      encodeItems(value, element, element.isText && is.isSet(value) ? undefined : new Map(), starts, out)
      if (starts !== undefined) sortParts(out, starts, element.order)
    },
    cqlType: cqlTypeName(type),
    accepts: `a Set, Array or other iterable of ${element.cqlType}, each once`,
    fixedSize: undefined,
    isText: false,
    identity: collectionIdentity(element.identity),
    order: collectionOrder(element.order),
  }
}

/** @param sorts whether its entries are sorted here. Otherwise the server sorts them */
export function compileMap(
  type: Mapping,
  key: CompiledType,
  value: CompiledType,
  sorts: boolean,
): CompiledType {
  return {
    encode: (map, out) => {
      const starts: number[] | undefined = sorts ? [] : undefined
      encodeEntries(map, key, value, starts, out)
      if (starts !== undefined) sortParts(out, starts, key.order)
    },
    cqlType: cqlTypeName(type),
    accepts: `a Map, plain object or Array of [key, value] pairs, of ${key.cqlType} to ${value.cqlType}`,
    fixedSize: undefined,
    isText: false,
    identity: collectionIdentity(key.identity, value.identity),
    order: collectionOrder(key.order, value.order),
  }
}

function encodeItems(
  value: unknown,
  element: CompiledType,
  seen: Seen | undefined,
  starts: number[] | undefined,
  out: Bytes,
): void {
  const items = itemsOf(value)
  const counted = out.openSized()
  let count = 0
  for (const item of items) {
    if (item === undefined) refuseHole(items, count)
    starts?.push(out.length)
    const from = out.openSized()
    encodePresentPart(element, item, count, out)
    out.closeSized(from)
    if (seen !== undefined) refuseTwice(element, item, out, from, seen, count)
    count++
  }
  out.setInt32(counted - 4, count)
}

function encodeEntries(
  map: unknown,
  key: CompiledType,
  value: CompiledType,
  starts: number[] | undefined,
  out: Bytes,
): void {
  const isPairs = Array.isArray(map)
  // The keys of a Map or object are distinct. As text they stay distinct, but 1 and "01" are one int.
  const seen: Seen | undefined = key.isText && !isPairs ? undefined : new Map()
  const counted = out.openSized()
  let count = 0
  if (is.isMap(map)) {
    for (const [name, item] of Map.prototype.entries.call(map)) {
      starts?.push(out.length)
      addEntry(key, name, value, item, seen, out)
      count++
    }
  } else if (isPairs) {
    for (const pair of map as readonly unknown[]) {
      starts?.push(out.length)
      if (!Array.isArray(pair) || pair.length !== 2) throw notPair(pair, count)
      addEntry(key, pair[0], value, pair[1], seen, out)
      count++
    }
  } else {
    const object = plainObject(map)
    for (const name of Object.keys(object)) {
      starts?.push(out.length)
      addEntry(key, name, value, object[name], seen, out)
      count++
    }
  }
  out.setInt32(counted - 4, count)
}

/** A Map may be given as an Array of pairs, because JSON has no keys other than text. */
function notPair(pair: unknown, index: number): Refusal {
  return within(new Refusal(pair, 'is no pair of a key and a value'), `[${index}]`)
}

function addEntry(
  key: CompiledType,
  name: unknown,
  value: CompiledType,
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
 * Refuses an element or key that is equal to an earlier one, because Cassandra would silently keep only one. Its bytes begin at
 * `from`, and `at` names its place.
 */
function refuseTwice(
  compiled: CompiledType,
  item: unknown,
  out: Bytes,
  from: number,
  seen: Seen,
  at: unknown,
): void {
  const identity = compiled.isText ? (item as string) : compiled.identity(out.view(from))
  if (!seen.has(identity)) {
    seen.set(identity, at)
    return
  }
  const first = seen.get(identity)
  const reason =
    first === asKey
      ? 'is the same key as an earlier one'
      : `is the same ${compiled.cqlType} as item ${String(first)}`
  throw partRefused(compiled, item, at, new Refusal(item, reason))
}
