import { unset } from './bind.ts'
import { type Bytes, TooManyBytes } from './bytes.ts'
import type { CompiledType } from './compiledType.ts'
import { preview } from './preview.ts'
import { named, Refusal, step, within } from './refusal.ts'

/** Used instead of a step if the part is a map's key itself. */
export const asKey: unique symbol = Symbol('key')

/**
 * Encodes one part of a larger value. `at` is its index, field name or map key. It becomes a step of the path only if the part
 * is refused.
 */
export function encodePart(compiled: CompiledType, value: unknown, at: unknown, out: Bytes): void {
  try {
    compiled.encode(value, out)
  } catch (thrown) {
    // No single part is to blame.
    if (thrown instanceof TooManyBytes) throw thrown
    throw partRefused(compiled, value, at, thrown)
  }
}

/** The same for places without null: in lists, sets, maps and vectors. */
export function encodePresentPart(compiled: CompiledType, value: unknown, at: unknown, out: Bytes): void {
  if (value === null || value === undefined || value === unset) {
    throw partRefused(compiled, value, at, new Refusal(value, absence(value)))
  }
  encodePart(compiled, value, at, out)
}

/** Adds the part's type and the path to it. */
export function partRefused(compiled: CompiledType, value: unknown, at: unknown, thrown: unknown): Refusal {
  return within(named(thrown, value, compiled.cqlType, compiled.accepts), stepTo(at, value))
}

function stepTo(at: unknown, value: unknown): string {
  if (at === asKey) return `[key ${preview(value)}]`
  return typeof at === 'string' ? step(at) : `[${preview(at)}]`
}

function absence(value: unknown): string {
  return value === unset
    ? 'is unset, which can stand for a whole column only'
    : `is ${String(value)}, which no collection or vector can hold`
}
