import { types } from 'cassandra-driver'

/**
 * A value that the driver read, with the names of its classes, in a form that can be compared. A Vector is a Proxy that hides
 * its parts. A Map and an object with the same keys are equal in any order, because the driver turns every map into an object.
 */
export function driverShown(value: unknown): unknown {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(driverShown)
  if (Buffer.isBuffer(value)) return ['Buffer', value.toString('hex')]
  if (value instanceof Date) return ['Date', value.getTime()]
  if (value instanceof types.Vector) return ['Vector', value.subtype, value.elements.map(driverShown)]
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const shown = entries.map(entry => entry.map(driverShown))
  const isOfClass = !(value instanceof Map) && Object.getPrototypeOf(value) !== Object.prototype
  const name = isOfClass ? value.constructor.name : 'entries'
  return [name, shown.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))]
}
