import { types as is } from 'node:util'
import { isPlain } from './realm.ts'

/** A value that stays the same when it is written as JSON and parsed again. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const DEEPEST = 100

/** Maximum number of nodes of a value; no record holds more. Without a limit, a value with shared parts could have nearly endless nodes. */
const MOST_VALUES = 2 ** 20

/** True if JSON text keeps exactly this value: no Date, no undefined, no NaN, no cycle, no -0. */
export function isJson(value: unknown): value is Json {
  return faultIn(value) === undefined
}

/** Names the first part of a value that JSON cannot keep. Undefined if JSON keeps the whole value. */
export function faultIn(value: unknown): string | undefined {
  let values = 0
  const find = (part: unknown, depth: number): Fault | undefined => {
    if (++values > MOST_VALUES) return { what: `more than ${MOST_VALUES} values`, at: '' }
    if (part === null || typeof part === 'boolean' || typeof part === 'string') return undefined
    if (typeof part !== 'object') return ofScalar(part)
    if (depth === DEEPEST) return { what: `more than ${DEEPEST} levels`, at: '' }
    if (Array.isArray(part)) {
      for (let i = 0; i < part.length; i++) {
        // A hole reads as undefined.
        const fault = find(part[i], depth + 1)
        if (fault !== undefined) return { ...fault, at: `[${i}]${fault.at}` }
      }
      return undefined
    }
    if (!isPlainJson(part)) return { what: nameOf(part), at: '' }
    for (const [name, inner] of Object.entries(part)) {
      const fault = find(inner, depth + 1)
      if (fault !== undefined) return { ...fault, at: `.${name}${fault.at}` }
    }
    return undefined
  }
  const fault = find(value, 0)
  if (fault === undefined || fault.at === '') return fault?.what
  return `${fault.what} at \`${fault.at.slice(0, 80)}\``
}

interface Fault {
  readonly what: string
  /** Where in the value. */
  readonly at: string
}

function ofScalar(value: unknown): Fault | undefined {
  if (typeof value === 'number') {
    const isExact = Number.isFinite(value) && !Object.is(value, -0)
    return isExact ? undefined : { what: Object.is(value, -0) ? '-0' : String(value), at: '' }
  }
  const names: Record<string, string> = { undefined: 'undefined', bigint: 'a BigInt (use String() of it)' }
  return { what: names[typeof value] ?? `a ${typeof value}`, at: '' }
}

/** A copy of a value that {@link isJson} takes. That of `structuredClone` may be of another realm. */
export function copyOfJson<Value extends Json>(value: Value): Value {
  return typeof value === 'object' ? (JSON.parse(JSON.stringify(value)) as Value) : value
}

function isPlainJson(value: object): boolean {
  return isPlain(value) && Object.getOwnPropertySymbols(value).length === 0 && !('toJSON' in value)
}

function nameOf(value: object): string {
  if (is.isDate(value)) return 'a Date (use toISOString() of it)'
  if (is.isPromise(value)) return 'a Promise (it must not be async)'
  return 'an object that is not plain'
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
