import { kindOf, preview, quoted } from './preview.ts'

/**
 * Why a value cannot be stored. Not an Error, because a stack trace would cost more than the conversion and point only into this
 * package. The row encoder turns it into a `RowError`.
 */
export class Refusal {
  /** Path inside the value: `''` for the value itself, otherwise `.addresses[2].zip`. */
  path = ''
  /** Type of the innermost value that failed. */
  cqlType = ''
  /** The accepted values at that path. */
  expected = ''
  /** Whether it names a field or a type that may have been added since the schema was read. */
  mayBeNewInSchema = false
  /** Follows the value: `is above the largest int, 2147483647`. */
  readonly reason: string
  readonly preview: string
  /** The error of the caller's own getter, iterator or proxy. */
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

/** The refusal of a value whose kind the type does not take. */
export function wrongKind(value: unknown): Refusal {
  return new Refusal(value, `is ${kindOf(value)}`)
}

/** The refusal of a field that the user-defined type lacks. */
export function unknownField(value: unknown, name: unknown): Refusal {
  const refusal = new Refusal(value, `has ${preview(name)}, which is no field of the type`)
  refusal.mayBeNewInSchema = true
  return refusal
}

/** Adds the type to a refusal that has none yet. Any other error was thrown by the value itself when it was read. */
export function named(thrown: unknown, value: unknown, cqlType: string, expected: string): Refusal {
  const refusal =
    thrown instanceof Refusal ? thrown : new Refusal(value, 'threw an error when it was read', thrown)
  if (refusal.cqlType === '') {
    refusal.cqlType = cqlType
    refusal.expected = expected
  }
  return refusal
}

/** Prepends one step to a refusal's path. */
export function within(refusal: Refusal, step: string): Refusal {
  refusal.path = step + refusal.path
  return refusal
}

/** One step of a path: `.zip`, or `["zip code"]` if the name is not an identifier. */
export function step(name: string): string {
  return /^[A-Za-z_]\w{0,47}$/.test(name) ? `.${name}` : `[${quoted(name, 40)}]`
}
