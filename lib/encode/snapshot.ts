/**
 * A copy of a row that later changes to the row do not reach. Plain objects, arrays, Maps, Sets, Dates and binary views
 * are copied all the way down; instances of other classes are values to their users and are kept. What cannot be
 * read is kept as well, for the encoder to report.
 */
export function snapshotOf(value: unknown, path: readonly object[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value
  try {
    // A cycle can be stored nowhere: it is kept for the encoder to refuse.
    return path.includes(value) ? value : copyObject(value, [...path, value])
  } catch {
    return value
  }
}

function copyObject(value: object, path: readonly object[]): unknown {
  if (Array.isArray(value))
    return Array.from(value, (item, i) => (i in value ? snapshotOf(item, path) : undefined))
  if (value instanceof Map) {
    return new Map(Array.from(value, ([key, item]) => [snapshotOf(key, path), snapshotOf(item, path)]))
  }
  if (value instanceof Set) return new Set(Array.from(value, item => snapshotOf(item, path)))
  if (value instanceof Date) return new Date(value)
  if (Buffer.isBuffer(value)) return Buffer.from(value)
  if (ArrayBuffer.isView(value)) return structuredClone(value)
  if (value instanceof ArrayBuffer) return value.slice(0)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && path.length > 1) return value
  const copy: Record<string, unknown> = Object.create(prototype as object | null)
  for (const [name, item] of Object.entries(value)) {
    Object.defineProperty(copy, name, { value: snapshotOf(item, path), enumerable: true })
  }
  return copy
}
