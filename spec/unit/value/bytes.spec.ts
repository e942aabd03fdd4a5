import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bytes, setInt64, TooManyBytes } from '../../../lib/value/bytes.ts'

const MEGABYTE = 2 ** 20

/** Writes a row of these parts, each after its length. */
function write(out: Bytes, parts: readonly Uint8Array[]): void {
  out.begin()
  for (const part of parts) {
    const from = out.openSized()
    out.add(part)
    expect(out.closeSized(from)).toBe(part.length)
  }
}

const sized = (parts: readonly Uint8Array[]) =>
  Buffer.concat(
    parts.flatMap(part => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(part.length)
      return [length, part]
    }),
  )

const part = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 0, max: 150_000 }).map(size => new Uint8Array(size).fill(size)),
)

describe('bytes of rows', () => {
  it('are those that were written, for every row, wherever a row outgrows its slab', () => {
    const rows = fc.array(fc.record({ parts: fc.array(part, { maxLength: 6 }), isRefused: fc.boolean() }))
    fc.assert(
      fc.property(rows, rows => {
        const out = new Bytes(MEGABYTE)
        const written: { readonly found: Buffer; readonly expected: Buffer }[] = []
        for (const { parts, isRefused } of rows) {
          write(out, parts)
          expect(out.length).toBe(sized(parts).length)
          if (isRefused) continue
          const { slab, start, end } = out.close()
          written.push({ found: slab.subarray(start, end), expected: sized(parts) })
        }
        for (const { found, expected } of written) expect(found.equals(expected)).toBe(true)
      }),
    )
  })

  it('of small rows share a slab, one after the other', () => {
    const out = new Bytes(MEGABYTE)
    const rows = Array.from({ length: 100 }, (_, i) => {
      write(out, [Buffer.alloc(10, i)])
      return out.close()
    })
    expect(new Set(rows.map(({ slab }) => slab)).size).toBe(1)
    for (const [i, { start }] of rows.entries()) expect(start).toBe(rows[i - 1]?.end ?? 0)
  })

  it('of a large row have their own memory of exactly that size', () => {
    const out = new Bytes(MEGABYTE)
    const closed = [10, 5_000, 20, 300_000, 30].map(size => {
      write(out, [Buffer.alloc(size, size)])
      return out.close()
    })
    expect(closed.map(({ slab }) => slab.length)).toEqual([65_536, 5_004, 65_536, 300_004, 65_536])
    expect(closed[0]?.slab).toBe(closed[2]?.slab)
  })

  it('cannot exceed the limit, however they are written', () => {
    const limit = 100_000
    const out = new Bytes(limit)
    const fill = (size: number) => {
      out.begin()
      while (out.length < size) out.add(new Uint8Array(Math.min(777, size - out.length)))
    }
    fill(limit)
    expect(() => out.int8(0)).toThrow(TooManyBytes)
    expect(() => fill(limit + 1)).toThrow(TooManyBytes)
    out.begin()
    expect(() => out.add(new Uint8Array(limit + 1))).toThrow(TooManyBytes)
    expect(() => out.ascii('x'.repeat(limit + 1))).toThrow(TooManyBytes)
    expect(() => out.utf8('x'.repeat(limit + 1))).toThrow(TooManyBytes)
  })

  it('contain text as UTF-8, and as ASCII only if it is ASCII', () => {
    const out = new Bytes(MEGABYTE)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        out.begin()
        const isAscii = out.ascii(text)
        expect(isAscii).toBe(Buffer.byteLength(text) === text.length)
        if (!isAscii) {
          expect(out.length).toBe(0)
          expect(out.utf8(text)).toBe(Buffer.byteLength(text))
        }
        expect(out.view(0).toString()).toBe(text)
      }),
    )
  })

  it('can be moved to insert other bytes before them', () => {
    const out = new Bytes(MEGABYTE)
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), fc.integer({ min: 0, max: 9 }), (before, after, by) => {
        out.begin()
        out.add(before)
        out.add(after)
        out.shift(before.length, by)
        expect(out.view(0).subarray(0, before.length)).toEqual(Buffer.from(before))
        expect(out.view(before.length + by)).toEqual(Buffer.from(after))
      }),
    )
  })

  it('contain integers of 64 bits, given as numbers or BigInts', () => {
    const bytes = Buffer.alloc(10)
    fc.assert(
      fc.property(
        fc.maxSafeInteger(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (number, wide) => {
          setInt64(bytes, 1, number)
          expect(bytes.readBigInt64BE(1)).toBe(BigInt(number))
          setInt64(bytes, 2, wide)
          expect(bytes.readBigInt64BE(2)).toBe(wide)
        },
      ),
    )
  })
})
