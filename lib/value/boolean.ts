import type { Bytes } from './bytes.ts'
import { Refusal, wrongKind } from './refusal.ts'

const yes = 1
const no = 0

export function encodeBoolean(value: unknown, out: Bytes): void {
  out.int8(bitOf(value))
}

function bitOf(value: unknown): number {
  if (value === true) return yes
  if (value === false) return no
  if (typeof value !== 'string') throw wrongKind(value)
  if (/^true$/i.test(value)) return yes
  if (/^false$/i.test(value)) return no
  throw new Refusal(value, 'is neither true nor false')
}

export function decodeBoolean(bytes: Buffer, from: number): boolean {
  return bytes[from] !== no
}
