import type { Json } from '../options/options.ts'

export type { Json } from '../options/options.ts'

const DEEPEST = 100

/** True if JSON text holds exactly this value: no Date, no undefined, no NaN, no cycle, no -0. */
export function isJson(value: unknown, depth = 0): value is Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || depth === DEEPEST) return false
  if (Array.isArray(value)) {
    // Array.from shows the holes, which every() passes over.
    return Array.from(value).every(item => isJson(item, depth + 1))
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  if (Object.getOwnPropertySymbols(value).length > 0) return false
  return Object.values(value).every(item => isJson(item, depth + 1)) && !('toJSON' in value)
}

/** What each property of an object must be. */
export type Shape<T> = { readonly [K in keyof T]-?: (value: unknown) => boolean }

/** True for a plain object with exactly the properties of `shape`. */
export function hasShape<T extends object>(shape: Shape<T>, value: unknown): value is T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.keys(shape) as (keyof T & string)[]
  const given = value as Partial<Record<keyof T, unknown>>
  return (
    Object.keys(value).length === names.length &&
    names.every(name => Object.hasOwn(value, name) && shape[name](given[name]))
  )
}

export const isText = (value: unknown): value is string => typeof value === 'string'
/** A whole number from 0 that a double holds exactly. */
export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
