import { types as is } from 'node:util'
import { type Bytes, trueLength } from './bytes.ts'
import { Refusal, wrongKind } from './refusal.ts'

/** Always a copy, because the caller may refill its buffer before the bytes are sent. */
export function encodeBlob(value: unknown, out: Bytes): void {
  out.add(bytesOf(value))
}

function bytesOf(value: unknown): Uint8Array {
  if (ArrayBuffer.isView(value)) {
    refuseDetached(value)
    return value instanceof Uint8Array
      ? value
      : new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  if (is.isAnyArrayBuffer(value)) return new Uint8Array(value)
  if (typeof value === 'string') return hexBytes(value)
  throw wrongKind(value)
}

/** Refuses a view of a transferred buffer: its length is 0, so it would be stored as an empty blob. */
export function refuseDetached(view: ArrayBufferView): void {
  if (view.byteLength > 0) return
  try {
    new Uint8Array(view.buffer)
  } catch {
    throw new Refusal(view, 'is a view of a buffer that was transferred elsewhere')
  }
}

export function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafe(trueLength(bytes))
  copy.set(bytes)
  return copy
}

function hexBytes(text: string): Buffer {
  if (!/^0[xX](?:[0-9a-fA-F]{2})*$/.test(text)) {
    throw new Refusal(text, 'is not 0x and an even number of hexadecimal digits')
  }
  return Buffer.from(text.slice(2), 'hex')
}

export function decodeBlob(bytes: Buffer, from: number, to: number): Buffer {
  return copyOf(bytes.subarray(from, to))
}

export function decodeBlobText(bytes: Buffer, from: number, to: number): string {
  return `0x${bytes.toString('hex', from, to)}`
}
