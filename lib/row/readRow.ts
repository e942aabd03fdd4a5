import { isPlain } from '../realm.ts'
import { unset } from '../value/bind.ts'
import { isBuiltIn } from '../value/objects.ts'
import { notAnObject, unreadable } from './rowRefusal.ts'

/** A row as the caller gave it. Reading it may run the caller's code, which may throw. */
export type Row = Readonly<Record<string, unknown>>

/** Most rows are plain objects. An instance of a class is a row too, unless the class is one of JavaScript's own. */
export function rowOf(input: unknown, index: number): Row {
  try {
    if (typeof input === 'object' && input !== null && (isPlain(input) || !isBuiltIn(input)))
      return input as Row
  } catch (error) {
    throw unreadable(undefined, error, index)
  }
  throw notAnObject(input, index)
}

export function ownNames(row: Row, index: number): string[] {
  try {
    return Object.keys(row)
  } catch (error) {
    throw unreadable(undefined, error, index)
  }
}

export function readProperty(row: Row, name: string, index: number): unknown {
  try {
    const value = row[name]
    // The driver's `types.unset`, by which its users leave a column alone.
    return value === unset ? undefined : value
  } catch (error) {
    throw unreadable(name, error, index)
  }
}

export function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
