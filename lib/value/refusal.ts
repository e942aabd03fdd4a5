import { kindOf, preview, quoted } from './preview.ts'

/**
 * Why a value cannot be stored. Not an Error: a stack trace would cost more than the conversion and points only into
 * this package. The row encoder turns it into a `RowError`, which is one.
 */
export class Refusal {
  /** Where inside the value: `''` for the value itself, else `.addresses[2].zip`. */
  path = ''
  /** Type of the innermost value that failed. */
  cqlType = ''
  /** What would have been accepted there. */
  expected = ''
  /** Names a field or a type that did not exist when the schema was read, and may exist now. */
  mayBeNewInSchema = false
  /** Follows the value: `is above the largest int, 2147483647`. */
  readonly reason: string
  readonly preview: string
  /** What the user's own getter, iterator or proxy threw. */
  readonly cause: unknown

  constructor(value: unknown, reason: string, cause?: unknown) {
    this.reason = reason
    this.preview = preview(value)
    this.cause = cause
  }

  toString(): string {
    return `${this.path} ${this.preview} ${this.reason}; ${this.cqlType} takes ${this.expected}`.trimStart()
  }
}

/** The refusal of a value that is of no kind the type takes. */
export function wrongKind(value: unknown): Refusal {
  return new Refusal(value, `is ${kindOf(value)}`)
}

/** The refusal of a user-defined type for a field that the type does not have. */
export function unknownField(value: unknown, name: unknown): Refusal {
  const refusal = new Refusal(value, `has ${preview(name)}, which is no field of the type`)
  refusal.mayBeNewInSchema = true
  return refusal
}

/** Names the type on a refusal that has none yet. Anything else was thrown by the value itself as it was read. */
export function named(thrown: unknown, value: unknown, cqlType: string, expected: string): Refusal {
  const refusal =
    thrown instanceof Refusal ? thrown : new Refusal(value, 'threw an error when it was read', thrown)
  if (refusal.cqlType === '') {
    refusal.cqlType = cqlType
    refusal.expected = expected
  }
  return refusal
}

/** Puts one step in front of a refusal's path, on the way up. */
export function within(refusal: Refusal, step: string): Refusal {
  refusal.path = step + refusal.path
  return refusal
}

/** One step of a path: `.zip`, or `["zip code"]` where a name is no identifier. */
export function step(name: string): string {
  return /^[A-Za-z_]\w{0,47}$/.test(name) ? `.${name}` : `[${quoted(name, 40)}]`
}
