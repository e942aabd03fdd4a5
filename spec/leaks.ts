import { inspect } from 'node:util'
import { expect } from 'vitest'
import { formsOf } from './canary/forms.ts'
import { everything } from './everything.ts'

/** Fails if a text contains the secret in any form. */
export function expectHidden(secret: string, texts: Iterable<string>): void {
  const forms = formsOf(secret)
  for (const text of texts) for (const form of forms) expect(text).not.toContain(form)
}

/** Everything that can be printed of a value that came from a sink. */
export function textsOf(value: unknown): string[] {
  const { stack, message, cause } = Object(value) as Partial<Error>
  const json = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part))
  const printed = [value, cause].map(part => inspect(part, everything))
  return [String(value), String(message), String(stack), json ?? '', ...printed, ...reachable(value)]
}

/** All strings and bytes that a program can reach from a value, whether or not they would be printed. */
function* reachable(start: unknown): Generator<string> {
  const seen = new Set<unknown>()
  const waiting = [start]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === 'string') yield value
    if (value instanceof Uint8Array) yield Buffer.from(value).toString('latin1')
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value))
      continue
    seen.add(value)
    if (value instanceof Map) waiting.push(...value.keys(), ...value.values())
    if (value instanceof Set) waiting.push(...value)
    // Getters are not called, because they may have effects. The properties that they read are reached anyway.
    const properties = Object.values(Object.getOwnPropertyDescriptors(value))
    if (!ArrayBuffer.isView(value)) waiting.push(...properties.map(property => property.value))
  }
}
