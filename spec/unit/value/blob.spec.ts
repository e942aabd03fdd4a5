import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encoder, hex, reason } from './types.ts'

describe('blob', () => {
  it('stores the bytes of Buffer, Uint8Array, ArrayBuffer and SharedArrayBuffer', () => {
    fc.assert(
      fc.property(fc.uint8Array(), bytes => {
        const digits = Buffer.from(bytes).toString('hex')
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
        shared.set(bytes)
        for (const value of [
          bytes,
          Buffer.from(bytes),
          new Uint8Array(bytes).buffer,
          shared.buffer,
          shared,
          `0x${digits}`,
        ]) {
          expect(hex('blob', value)).toBe(digits)
        }
      }),
    )
  })

  it('stores exactly the memory that a view shows', () => {
    const memory = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8).buffer
    expect(hex('blob', new DataView(memory, 2, 3))).toBe('030405')
    expect(hex('blob', new Uint8Array(memory, 7))).toBe('08')
    expect(hex('blob', new Uint16Array(memory, 2, 1))).toBe('0304')
  })

  it('copies the bytes, so later changes have no effect', () => {
    for (const value of [Buffer.alloc(3, 1), new Uint8Array(3).fill(1), new Uint8Array(3).fill(1).buffer]) {
      const encoded = encoder('blob')(value)
      new Uint8Array(ArrayBuffer.isView(value) ? value.buffer : value).fill(9)
      expect(encoded.toString('hex')).toBe('010101')
    }
  })

  it('stores bytes by their true length, and no memory after them', () => {
    for (const size of [4, 100]) {
      const bytes = new Uint8Array(size).fill(5)
      const lying = Object.defineProperty(bytes, 'length', { value: 4_000 })
      expect(hex('blob', lying)).toBe('05'.repeat(size))
    }
  })

  it('refuses a transferred buffer, which has length 0', () => {
    const bytes = new Uint8Array(4)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    expect(reason('blob', bytes)).toBe('is a view of a buffer that was transferred elsewhere')
    expect(reason('list<int>', bytes)).toBe('is a view of a buffer that was transferred elsewhere')
    expect(() => encoder('blob')(bytes.buffer)).toThrow()
    expect(hex('blob', new Uint8Array(0))).toBe('')
  })

  it('accepts text only as 0x and hexadecimal digits, in any case', () => {
    expect(hex('blob', '0xCafe')).toBe('cafe')
    expect(hex('blob', '0Xcafe')).toBe('cafe')
    expect(hex('blob', '0x')).toBe('')
  })

  it.each(['', 'cafe', '0xcaf', '0xcafé', '0xzz', 'yv4=', ' 0xcafe', '0xcafe\n'])(
    'refuses the text %j',
    text => {
      expect(reason('blob', text)).toBe('is not 0x and an even number of hexadecimal digits')
    },
  )

  it('refuses arrays of numbers and a Buffer that went through JSON', () => {
    expect(reason('blob', [1, 2])).toBe('is an array')
    expect(reason('blob', JSON.parse(JSON.stringify(Buffer.of(1))))).toBe('is an object')
  })
})
