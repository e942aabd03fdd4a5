import { unset } from './bind.ts'
import { type Bytes, TooManyBytes } from './bytes.ts'
import type { Codec } from './codec.ts'
import { preview } from './preview.ts'
import { named, Refusal, step, within } from './refusal.ts'

/** In place of a step: the part is a map's key itself. */
export const asKey: unique symbol = Symbol('key')

/**
 * Encodes one part of a larger value. `at` is its index, field name or map key; it becomes a step of the path only
 * when the part is refused.
 */
export function encodePart(codec: Codec, value: unknown, at: unknown, out: Bytes): void {
  try {
    codec.encode(value, out)
  } catch (thrown) {
    // No part alone is to blame for it.
    if (thrown instanceof TooManyBytes) throw thrown
    throw partRefused(codec, value, at, thrown)
  }
}

/** The same where Cassandra has no null: in lists, sets, maps and vectors. */
export function encodePresentPart(codec: Codec, value: unknown, at: unknown, out: Bytes): void {
  if (value === null || value === undefined || value === unset) {
    throw partRefused(codec, value, at, new Refusal(value, absence(value)))
  }
  encodePart(codec, value, at, out)
}

/** Names the part's type and puts the way to it in front. */
export function partRefused(codec: Codec, value: unknown, at: unknown, thrown: unknown): Refusal {
  return within(named(thrown, value, codec.cqlType, codec.accepts), stepTo(at, value))
}

function stepTo(at: unknown, value: unknown): string {
  if (at === asKey) return `[key ${preview(value)}]`
  return typeof at === 'string' ? step(at) : `[${preview(at)}]`
}

function absence(value: unknown): string {
  return value === unset
    ? 'is unset, which can stand for a whole column only'
    : `is ${String(value)}, for which a collection or vector has no room`
}
