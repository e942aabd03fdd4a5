import { types as is } from 'node:util'
import { isBuiltIn } from '../value/objects.ts'
import { isUnreadable } from './snapshot.ts'

/**
 * Whether two snapshots were taken of the same values. Costs time linear in their size: each object is compared once,
 * however many places it is in. `isDeepStrictEqual` compares it once per place, which doubles with each level of
 * `a = [a, a]`. A loop rather than a recursion, so depth costs no stack.
 */
export function isSameSnapshot(one: unknown, other: unknown): boolean {
  const partners = new Map<object, object>()
  const pending: object[] = []
  const compare = (a: unknown, b: unknown): boolean => {
    if (Object.is(a, b)) return true
    if (!isObject(a) || !isObject(b)) return false
    const partner = partners.get(a)
    // Both snapshots copy an object once. If it has two counterparts, it has moved within the row.
    if (partner !== undefined) return partner === b
    partners.set(a, b)
    pending.push(a)
    return true
  }
  if (!compare(one, other)) return false
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!haveSameParts(next, partners.get(next) as object, compare)) return false
  }
  return true
}

type Compare = (a: unknown, b: unknown) => boolean

function haveSameParts(a: object, b: object, compare: Compare): boolean {
  if (isUnreadable(a) || isUnreadable(b)) return isUnreadable(a) && isUnreadable(b)
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (Array.isArray(a)) return haveSameItems(a, b as unknown[], compare)
  if (is.isMap(a)) return haveSameItems(entriesOf(a), entriesOf(b), compare)
  if (is.isSet(a)) return haveSameItems(membersOf(a), membersOf(b), compare)
  if (is.isDate(a)) return Object.is(timeOf(a), timeOf(b))
  if (ArrayBuffer.isView(a)) return bytesOf(a).equals(bytesOf(b as ArrayBufferView))
  if (is.isAnyArrayBuffer(a)) return Buffer.from(a).equals(Buffer.from(b as ArrayBuffer))
  // The snapshot keeps other objects as they are, so another object is another value.
  return !isBuiltIn(a) && haveSameProperties(a, b, compare)
}

function haveSameItems(a: readonly unknown[], b: readonly unknown[], compare: Compare): boolean {
  return a.length === b.length && a.every((item, i) => compare(item, b[i]))
}

function haveSameProperties(a: object, b: object, compare: Compare): boolean {
  const keys = Reflect.ownKeys(a)
  return (
    keys.length === Reflect.ownKeys(b).length &&
    keys.every(key => {
      const [before, after] = [propertyOf(a, key), propertyOf(b, key)]
      if (before === undefined || after === undefined) return false
      // A getter marks a property that could not be read.
      if (before.get !== undefined || after.get !== undefined)
        return before.get !== undefined && after.get !== undefined
      return typeof key === 'symbol'
        ? Object.is(before.value, after.value)
        : compare(before.value, after.value)
    })
  )
}

/** Typed, unlike the `any` of a PropertyDescriptor. */
function propertyOf(value: object, key: PropertyKey): { value?: unknown; get?(): unknown } | undefined {
  return Object.getOwnPropertyDescriptor(value, key)
}

function entriesOf(map: object): unknown[] {
  return [...Map.prototype.entries.call(map as Map<unknown, unknown>)].flat()
}

function membersOf(set: object): unknown[] {
  return [...Set.prototype.values.call(set as Set<unknown>)]
}

function timeOf(date: object): number {
  return Date.prototype.getTime.call(date)
}

function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
