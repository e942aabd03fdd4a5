import { types as is } from 'node:util'
import { isPlain } from '../realm.ts'
import { unset } from '../value/bind.ts'
import { copyOf } from '../value/blob.ts'
import { isMutableDriverValue } from '../value/driverValue.ts'
import { isBuiltIn, isIterable } from '../value/objects.ts'
import { isAnyTemporal } from '../value/temporal.ts'

/** No collection with more items fits a mutation, even if all are empty, because each has a length of 4 bytes. */
const mostItems = 4 * 1024 * 1024

/**
 * Levels that are copied. No type nests that deep, so a deeper row is refused. Without this limit, copies would end
 * where the stack ends. Two copies of one row could then differ, and the row would seem to have changed.
 */
const MOST_LEVELS = 1_000

/**
 * A deep copy of a row, for rows that come before the types of their columns are known. Later changes to the row do not
 * reach it. Everything is read once. Instances of classes that no column takes are kept as they are. A property that throws
 * when it is read throws the same error from the copy, so that the encoder reports it.
 */
export function snapshotOf(row: unknown): unknown {
  return copyOfPart(row, 0, new Map())
}

/** @param copies of the objects that were met. An object maps to itself while it is being copied */
function copyOfPart(value: unknown, level: number, copies: Map<object, unknown>): unknown {
  if (typeof value !== 'object' || value === null || value === unset) return value
  // An object in many places is copied once. A cycle cannot be stored: it is kept for the encoder to refuse.
  if (copies.has(value)) return copies.get(value)
  if (level > MOST_LEVELS) return value
  copies.set(value, value)
  let copy: unknown
  try {
    copy = copyObject(value, level === 0, item => copyOfPart(item, level + 1, copies))
  } catch (error) {
    copy = unreadable(error)
  }
  copies.set(value, copy)
  return copy
}

/** Whether a row holds something that can be read only once, such as a generator. */
export function holdsIterator(value: unknown, seen: Set<object> = new Set()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  seen.add(value)
  try {
    if (isIterable(value) && (value[Symbol.iterator]() as unknown) === value) return true
    if (ArrayBuffer.isView(value)) return false
    const parts = is.isMap(value) || is.isSet(value) ? [...value.values()] : Object.values(value)
    return parts.some(part => holdsIterator(part, seen))
  } catch {
    return true
  }
}

function copyObject(value: object, isRow: boolean, copy: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return copyItems(value, copy)
  if (is.isMap(value)) {
    return new Map(Array.from(Map.prototype.entries.call(value), ([key, item]) => [copy(key), copy(item)]))
  }
  if (is.isSet(value)) return new Set(Array.from(Set.prototype.values.call(value), copy))
  if (is.isDate(value)) return new Date(Date.prototype.getTime.call(value))
  if (ArrayBuffer.isView(value)) return copyView(value)
  if (is.isAnyArrayBuffer(value)) return new Uint8Array(copyOf(new Uint8Array(value))).buffer
  if (is.isBoxedPrimitive(value) || isAnyTemporal(value)) return value
  // The driver's Vector is iterable too. It is a Proxy that shows only its items.
  if (!isRow && isIterable(value)) return copyItems(value, copy)
  const hasFields = isPlain(value) || isMutableDriverValue(value) || !isBuiltIn(value)
  if (!hasFields) return value
  const copied = copyProperties(value, copy)
  if (isRow) addSymbols(copied, value)
  return copied
}

function copyItems(items: Iterable<unknown>, copy: (item: unknown) => unknown): unknown[] {
  const copies: unknown[] = []
  for (const item of items) {
    copies.push(copy(item))
    // One item more than can be stored is enough for a refusal.
    if (copies.length > mostItems) break
  }
  return copies
}

function copyView(view: ArrayBufferView): ArrayBufferView {
  if (Buffer.isBuffer(view)) return copyOf(view)
  // A view of a transferred buffer cannot be copied. It is kept and then refused.
  if (view.byteLength === 0) return view
  const { buffer } = new Uint8Array(copyOf(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)))
  const View = view.constructor as new (buffer: ArrayBufferLike) => ArrayBufferView
  return new View(buffer)
}

function copyProperties(value: object, copy: (item: unknown) => unknown): object {
  const copied: object = Object.create(Object.getPrototypeOf(value) as object | null)
  for (const name of Object.keys(value)) {
    Object.defineProperty(copied, name, { enumerable: true, ...readOnce(value, name, copy) })
  }
  return copied
}

/** Properties that a row carries along for the caller. They are never stored and may lead anywhere, so they are not copied. */
function addSymbols(copied: object, row: object): void {
  for (const symbol of Object.getOwnPropertySymbols(row)) {
    if (!Object.prototype.propertyIsEnumerable.call(row, symbol)) continue
    Object.defineProperty(copied, symbol, { enumerable: true, ...readOnce(row, symbol, part => part) })
  }
}

function readOnce(value: object, key: PropertyKey, copy: (item: unknown) => unknown): PropertyDescriptor {
  try {
    return { value: copy((value as Record<PropertyKey, unknown>)[key]) }
  } catch (error) {
    return { get: () => rethrow(error) }
  }
}

const unreadables = new WeakSet<object>()

/** Marks what could not be read. */
function unreadable(error: unknown): object {
  const again = () => rethrow(error)
  const proxy = new Proxy({}, { get: again, has: again, ownKeys: again, getPrototypeOf: again })
  unreadables.add(proxy)
  return proxy
}

/** Whether a part of a snapshot marks what could not be read. */
export function isUnreadable(part: object): boolean {
  return unreadables.has(part)
}

function rethrow(error: unknown): never {
  throw error
}
