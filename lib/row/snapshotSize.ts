import { types as is } from 'node:util'
import { isUnreadable } from './snapshot.ts'

/** Bytes of an object without its parts, and of a number or another value of fixed size. Both are estimates. */
const OBJECT_BYTES = 32
const VALUE_BYTES = 8

/**
 * Roughly the bytes of memory that a snapshot holds. An object in many places counts once. A loop rather than a recursion, so
 * depth costs no stack.
 */
export function sizeOfSnapshot(snapshot: unknown): number {
  const seen = new Set<object>()
  const pending: unknown[] = [snapshot]
  let bytes = 0
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next === 'string') bytes += next.length
    if (typeof next !== 'object' || next === null) {
      bytes += VALUE_BYTES
      continue
    }
    if (seen.has(next)) continue
    seen.add(next)
    bytes += OBJECT_BYTES
    if (ArrayBuffer.isView(next) || is.isAnyArrayBuffer(next)) bytes += next.byteLength
    else if (!isUnreadable(next)) addParts(next, pending)
  }
  return bytes
}

function addParts(whole: object, parts: unknown[]): void {
  if (is.isMap(whole)) for (const entry of whole) parts.push(entry[0], entry[1])
  else if (is.isSet(whole)) for (const item of whole) parts.push(item)
  else if (!is.isProxy(whole)) {
    // A property that could not be read is a getter that throws.
    for (const name of Object.keys(whole)) parts.push(Object.getOwnPropertyDescriptor(whole, name)?.value)
  }
}
