import { types as is } from 'node:util'
import { refuseDetached } from './blob.ts'
import { Refusal, wrongKind } from './refusal.ts'

/**
 * What to loop over for a list or set: an Array, Set, typed array or other iterable. Text, Map and Buffer can be
 * iterated too, but whoever gives one means something else.
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
  if (typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] !== 'function')
    throw wrongKind(value)
  return value as Iterable<unknown>
}

/** Refuses the hole that an Array has where no item was ever put: it would read as undefined. */
export function refuseHole(items: unknown, index: number): void {
  if (Array.isArray(items) && !Object.hasOwn(items, index)) {
    throw new Refusal(items, `has a hole at index ${index}`)
  }
}

/** Own fields of a plain object. Instances of other classes keep their meaning in places that are not their fields. */
export function plainObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw wrongKind(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  // The last prototype of another realm is not our Object.prototype, but it is the last one there too.
  if (prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null) {
    return value as Readonly<Record<string, unknown>>
  }
  throw wrongKind(value)
}
