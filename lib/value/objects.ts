import { types as is } from 'node:util'
import { isPlain } from '../realm.ts'
import { refuseDetached } from './blob.ts'
import { isMutableDriverValue } from './driverValue.ts'
import { kindOf } from './preview.ts'
import { Refusal, wrongKind } from './refusal.ts'
import { isAnyTemporal } from './temporal.ts'

/**
 * The iterable for a list or set: an Array, Set, typed array or other iterable. Text, Map and Buffer are refused: they can be
 * iterated too, but their users mean something else.
 */
export function itemsOf(value: unknown): Iterable<unknown> {
  if (Array.isArray(value)) return value
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  if (is.isSet(value)) return Set.prototype.values.call(value)
  if (ArrayBuffer.isView(value)) {
    if (Buffer.isBuffer(value)) throw wrongKind(value)
    refuseDetached(value)
  }
  if (is.isMap(value) || is.isBoxedPrimitive(value)) throw wrongKind(value)
  if (!isIterable(value)) throw wrongKind(value)
  return value
}

/** Refuses a hole in an Array, which would read as undefined. */
export function refuseHole(items: unknown, index: number): void {
  if (Array.isArray(items) && !Object.hasOwn(items, index)) {
    throw new Refusal(items, `has a hole at index ${index}`)
  }
}

/** Own fields of a plain object. Instances of other classes keep their content elsewhere than in their fields. */
export function plainObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || !isPlain(value)) throw wrongKind(value)
  return value as Readonly<Record<string, unknown>>
}

/** Own fields of a plain object, or of an instance of a class of the caller's that has some. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  if (isPlain(value)) return value as Readonly<Record<string, unknown>>
  if (isBuiltIn(value) || isMutableDriverValue(value) || isIterable(value)) throw wrongKind(value)
  // Getters of the class are not read. Stored without them, the value would be null in all of its fields.
  if (Object.keys(value).length === 0) {
    throw new Refusal(value, `is ${kindOf(value)} without fields of its own`)
  }
  return value as Readonly<Record<string, unknown>>
}

/** Whether an object is of one of JavaScript's own classes, which keep their content elsewhere than in fields. */
export function isBuiltIn(value: object): boolean {
  // Rows may be instances of a caller's class. One call recognizes nearly all of them.
  if (Object.prototype.toString.call(value) === '[object Object]') return false
  return (
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    is.isAnyArrayBuffer(value) ||
    is.isMap(value) ||
    is.isSet(value) ||
    is.isDate(value) ||
    is.isPromise(value) ||
    is.isRegExp(value) ||
    is.isNativeError(value) ||
    is.isBoxedPrimitive(value) ||
    isAnyTemporal(value)
  )
}

export function isIterable(value: object): value is Iterable<unknown> {
  return typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] === 'function'
}
