import { types as is } from 'node:util'
import { escaped } from '../options/shown.ts'

const longestPreview = 80
const longestQuote = 52

/** A short text of any value for an error. Runs no code of the value: no getter, trap, `toString` or `toJSON`. */
export function preview(value: unknown): string {
  return cut(picture(value), longestPreview)
}

/** The kind of a value, to follow "is": `an array`, `a promise: await it before writing the row`. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'text'
    case 'bigint':
      return 'a BigInt'
    case 'undefined':
      return 'undefined'
    case 'object':
      return kindOfObject(value)
    default:
      return `a ${typeof value}`
  }
}

/** Shortens at a whole character, because half a surrogate pair in an error would break later encoders. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text
  const last = text.charCodeAt(length - 2)
  const end = last >= 0xd800 && last <= 0xdbff ? length - 2 : length - 1
  return `${text.slice(0, end)}…`
}

/** A text in quotes, shortened, with escapes for invisible characters. */
export function quoted(text: string, length: number): string {
  return cut(escaped(JSON.stringify(cut(text, length))), 2 * length)
}

/** The first names of a list, and the number of the others. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map(name => escaped(cut(name, longestName)))
  const others = names.length - shown.length
  return others > 0 ? `${shown.join(', ')} and ${others} others` : shown.join(', ')
}

const MOST_NAMES = 10
const longestName = 48

function picture(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > longestQuote
        ? `${quoted(value, longestQuote)} (${value.length} characters)`
        : quoted(value, longestQuote)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      // Printing a BigInt takes quadratic time.
      return BigInt.asIntN(256, value) === value ? `${value}n` : 'a BigInt of more than 256 bits'
    case 'object':
      return value === null ? 'null' : pictureOfObject(value)
    case 'symbol':
      return escaped(cut(String(value), longestQuote))
    case 'function':
      return '[Function]'
    default:
      return String(value)
  }
}

function pictureOfObject(value: object): string {
  if (is.isProxy(value)) return 'a Proxy'
  if (is.isDate(value)) {
    const milliseconds = Date.prototype.getTime.call(value)
    return Number.isNaN(milliseconds) ? 'an invalid Date' : `Date ${new Date(milliseconds).toISOString()}`
  }
  if (Array.isArray(value)) return pictureOfArray(value)
  const name = className(value)
  if (name === undefined || name === 'Object') {
    const keys = Object.keys(value)
    return keys.length === 0 ? '{}' : `an object with ${keys.slice(0, 8).map(quoteKey).join(', ')}`
  }
  return withArticle(name)
}

function pictureOfArray(value: readonly unknown[]): string {
  const shown: string[] = []
  for (let i = 0; i < value.length && i < 4; i++) {
    const item: unknown = Object.getOwnPropertyDescriptor(value, i)?.value
    shown.push(typeof item === 'object' && item !== null ? '{…}' : cut(picture(item), 16))
  }
  return value.length > 4 ? `[${shown.join(', ')}, … ${value.length} in all]` : `[${shown.join(', ')}]`
}

function quoteKey(key: string): string {
  return cut(quoted(key, 24), 26)
}

function kindOfObject(value: unknown): string {
  if (value === null) return 'null'
  if (is.isProxy(value)) return 'a Proxy'
  if (is.isPromise(value)) return 'a promise: await it before the row is written'
  if (Array.isArray(value)) return 'an array'
  const name = className(value as object)
  if (name === undefined || name === 'Object') return 'an object'
  if (is.isBoxedPrimitive(value)) return `a ${name} object, not a primitive value`
  return withArticle(name)
}

function withArticle(name: string): string {
  return `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${cut(name, 40)}`
}

/** The name of an object's class, read only from data properties. */
function className(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || is.isProxy(prototype)) return undefined
  const owner: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof owner !== 'function' || is.isProxy(owner)) return undefined
  const name: unknown = Object.getOwnPropertyDescriptor(owner, 'name')?.value
  return typeof name === 'string' && name !== '' ? name : undefined
}
