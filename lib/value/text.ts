import type { Bytes } from './bytes.ts'
import { Refusal, wrongKind } from './refusal.ts'

/** Up to this length a loop is faster than calls into Buffer. */
const SHORT = 48

/** ES2024, available in Node 20. */
interface WellFormedText {
  isWellFormed(): boolean
}

export function encodeText(value: unknown, out: Bytes): void {
  if (typeof value !== 'string') throw wrongKind(value)
  if (value.length <= SHORT && out.ascii(value)) return
  const size = out.utf8(value)
  // As many bytes as code units means that all are ASCII.
  if (size !== value.length && !(value as unknown as WellFormedText).isWellFormed()) {
    throw new Refusal(value, 'has half of a surrogate pair, which UTF-8 cannot hold')
  }
}

export function encodeAscii(value: unknown, out: Bytes): void {
  if (typeof value !== 'string') throw wrongKind(value)
  if (value.length <= SHORT && out.ascii(value)) return
  if (out.utf8(value) !== value.length) throw new Refusal(value, 'has a character outside ASCII')
}

/** `toString()` calls this in the end. Calling it directly takes half the time. */
type Slices = { utf8Slice?: (from: number, to: number) => string }
const hasSlices = typeof (Buffer.prototype as Slices).utf8Slice === 'function'

export const decodeText: (bytes: Buffer, from: number, to: number) => string = hasSlices
  ? (bytes, from, to) => (bytes as unknown as Required<Slices>).utf8Slice(from, to)
  : (bytes, from, to) => bytes.toString('utf8', from, to)

export function decodeAscii(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, to)
}
