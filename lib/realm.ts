import { types as is } from 'node:util'

/** The parts of errors that are read. */
interface AnyError {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly errors?: unknown
}

// Jest runs programs in a vm context. Errors and values that Node makes are then of other classes than those of the program, and
// `instanceof` does not recognize them.

/** Whether a value is an error. */
export function isError(value: unknown): value is Error {
  // A DOMException is an error that holds its content elsewhere.
  return (
    value instanceof Error ||
    is.isNativeError(value) ||
    Object.prototype.toString.call(value) === '[object DOMException]'
  )
}

/** The code of an error, such as `ENOENT`. */
export function codeIn(error: unknown): string | undefined {
  const code = (error as AnyError | null | undefined)?.code
  return isError(error) && code !== undefined ? String(code) : undefined
}

/** The message of an error, or anything else that was thrown as text. */
export function messageIn(error: unknown): string {
  return isError(error) ? error.message : String(error)
}

/** The errors in an AggregateError. */
export function errorsIn(error: unknown): readonly unknown[] | undefined {
  const errors = (error as AnyError | null | undefined)?.errors
  return isError(error) && error.name === 'AggregateError' && Array.isArray(errors) ? errors : undefined
}

/** Whether an error is of one of JavaScript's own classes, or of Node's AbortError. */
export function isNamed(error: unknown, name: 'RangeError' | 'AbortError'): boolean {
  return isError(error) && error.name === name
}

/** Whether an object keeps its content in its properties only, and inherits none. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null || prototype === Object.prototype) return true
  // That of another realm ends the chain there too.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
