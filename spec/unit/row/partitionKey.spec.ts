import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isSamePartition,
  type KeyedRow,
  partitionHashOf,
  partitionKeyOf,
} from '../../../lib/row/partitionKey.ts'

/** A row with these columns in its partition key, at some offset of a slab. */
function rowOf(parts: readonly Buffer[], before = 3): KeyedRow {
  const lengths = parts.map(({ length }) => Buffer.from([length >> 24, length >> 16, length >> 8, length]))
  const key = Buffer.concat(parts.flatMap((part, i) => [lengths[i] as Buffer, part]))
  const slab = Buffer.concat([Buffer.alloc(before, 7), key, Buffer.alloc(5, 7)])
  return { slab, keyStart: before, keyEnd: before + key.length }
}

describe('the bytes of a partition key', () => {
  it('are those of its only column', () => {
    expect(partitionKeyOf(rowOf([Buffer.from('key')]))).toEqual(Buffer.from('key'))
  })

  it('have the length before each of several columns, and a zero after it', () => {
    expect(partitionKeyOf(rowOf([Buffer.from('ab'), Buffer.from([])]))).toEqual(
      Buffer.from([0, 2, 97, 98, 0, 0, 0, 0]),
    )
  })

  it('differ for any two keys', () => {
    const part = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
    const keys = fc.array(part, { minLength: 2, maxLength: 4 })
    fc.assert(
      fc.property(keys, keys, (one, other) => {
        const rows = [rowOf(one), rowOf(other, 0)] as const
        const encoded = rows.map(partitionKeyOf)
        const same = one.length === other.length && one.every((part, i) => other[i]?.equals(part))
        expect(encoded[0]?.equals(encoded[1] as Buffer)).toBe(same)
        expect(isSamePartition(...rows)).toBe(same)
      }),
    )
  })

  it('differ if only the first length differs', () => {
    const one = [Buffer.from([]), Buffer.from([0, 0, 0, 0])]
    const other = [Buffer.from([0, 0, 0, 4]), Buffer.from([])]
    expect(isSamePartition(rowOf(one), rowOf(other))).toBe(false)
  })

  it('are equal at any offset, also by hash, and differ if one bit differs', () => {
    const part = fc.uint8Array({ minLength: 1, maxLength: 40 }).map(bytes => Buffer.from(bytes))
    fc.assert(
      fc.property(part, fc.nat(), (key, bit) => {
        const other = Buffer.from(key)
        const at = (bit >> 3) % key.length
        other[at] = (other[at] ?? 0) ^ (1 << (bit & 7))
        expect(isSamePartition(rowOf([key], 9), rowOf([key], 0))).toBe(true)
        expect(isSamePartition(rowOf([key], 9), rowOf([other], 0))).toBe(false)
        expect(partitionHashOf(rowOf([key], 9))).toBe(partitionHashOf(rowOf([key], 0)))
        expect(partitionHashOf(rowOf([other]))).not.toBe(partitionHashOf(rowOf([key])))
      }),
    )
  })

  it('can be split into their parts, up to the longest', () => {
    const part = fc
      .oneof(fc.nat({ max: 300 }), fc.constantFrom(255, 256, 65_534, 65_535))
      .map((length, fill = length % 251) => Buffer.alloc(length, fill))
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 3 }), parts => {
        const encoded = partitionKeyOf(rowOf(parts))
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
