import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodePartitionKey } from '../../../lib/encode/partitionKey.ts'

describe('the bytes of a partition key', () => {
  it('are those of its one column', () => {
    expect(encodePartitionKey([Buffer.from('key'), Buffer.from('clustering')], 0, 1)).toEqual(
      Buffer.from('key'),
    )
  })

  it('have the length before each of several columns and a zero after it', () => {
    expect(encodePartitionKey([Buffer.from('ab'), Buffer.from([]), Buffer.from('c')], 0, 2)).toEqual(
      Buffer.from([0, 2, 97, 98, 0, 0, 0, 0]),
    )
  })

  it('tell any two keys apart', () => {
    const part = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
    const keys = fc.array(part, { minLength: 2, maxLength: 4 })
    fc.assert(
      fc.property(keys, keys, (one, other) => {
        const encoded = [one, other].map(parts => encodePartitionKey(parts, 0, parts.length))
        const same = one.length === other.length && one.every((part, i) => other[i]?.equals(part))
        expect(encoded[0]?.equals(encoded[1] as Buffer)).toBe(same)
      }),
    )
  })

  it('are read back part by part, up to the longest', () => {
    const part = fc
      .oneof(fc.nat({ max: 300 }), fc.constantFrom(255, 256, 65_534, 65_535))
      .map((length, fill = length % 251) => Buffer.alloc(length, fill))
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 3 }), parts => {
        const encoded = encodePartitionKey(parts, 0, parts.length)
        let at = 0
        for (const part of parts) {
          expect(encoded.readUInt16BE(at)).toBe(part.length)
          expect(encoded.subarray(at + 2, at + 2 + part.length).equals(part)).toBe(true)
          expect(encoded[at + 2 + part.length]).toBe(0)
          at += part.length + 3
        }
        expect(at).toBe(encoded.length)
      }),
    )
  })
})
