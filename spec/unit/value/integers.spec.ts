import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, reason } from './types.ts'

const { Integer, Long } = types

const limits = [
  ['tinyint', 7n],
  ['smallint', 15n],
  ['int', 31n],
  ['bigint', 63n],
] as const

function twosComplement(value: bigint, bits: bigint): string {
  return BigInt.asUintN(Number(bits), value)
    .toString(16)
    .padStart(Number(bits) / 4, '0')
}

describe.each(limits)('%s', (type, bits) => {
  const largest = 2n ** bits - 1n
  const smallest = -largest - 1n

  it(`stores both ends of its range in ${(bits + 1n) / 8n} bytes`, () => {
    for (const end of [largest, smallest]) {
      const bytes = twosComplement(end, bits + 1n)
      expect(hex(type, end)).toBe(bytes)
      expect(hex(type, String(end))).toBe(bytes)
      expect(hex(type, Long.fromString(String(end)))).toBe(bytes)
      expect(hex(type, Integer.fromString(String(end)))).toBe(bytes)
    }
  })

  it('refuses the values just beyond both ends in every form', () => {
    const above = `is above the largest ${type}, ${largest}`
    const below = `is below the smallest ${type}, ${smallest}`
    expect(reason(type, largest + 1n)).toBe(above)
    expect(reason(type, String(largest + 1n))).toBe(above)
    expect(reason(type, Integer.fromString(String(largest + 1n)))).toBe(above)
    expect(reason(type, smallest - 1n)).toBe(below)
    expect(reason(type, String(smallest - 1n))).toBe(below)
  })

  it('stores every integer in range as two’s complement, from BigInt, number, text, Long and Integer alike', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: smallest, max: largest }), value => {
        const bytes = twosComplement(value, bits + 1n)
        expect(hex(type, value)).toBe(bytes)
        expect(hex(type, String(value))).toBe(bytes)
        expect(hex(type, Long.fromString(String(value)))).toBe(bytes)
        expect(hex(type, Integer.fromString(String(value)))).toBe(bytes)
        if (Number.isSafeInteger(Number(value))) expect(hex(type, Number(value))).toBe(bytes)
      }),
    )
  })

  it('refuses every integer out of range', () => {
    const outside = fc.oneof(fc.bigInt({ min: largest + 1n }), fc.bigInt({ max: smallest - 1n }))
    fc.assert(fc.property(outside, value => reason(type, value).includes(value > 0n ? 'above' : 'below')))
  })
})

describe.each(['tinyint', 'smallint', 'int', 'bigint', 'varint'])('%s', type => {
  it.each([
    ['1.5', 1.5],
    ['a number just off an integer', 1 + Number.EPSILON],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
  ])('refuses %s as no whole number', (_, value) => {
    expect(reason(type, value)).toBe('is not a whole number')
  })

  it.each([
    '',
    ' ',
    ' 1',
    '1 ',
    '1\n',
    '+1',
    '--1',
    '-',
    '0x10',
    '1e2',
    '1.0',
    '1_000',
    '1,000',
    '١',
    'abc',
    '12x',
    'NaN',
    '1n',
  ])('refuses the text %j', text => {
    expect(reason(type, text)).toBe('is not a whole number in decimal digits')
  })

  it.each([
    ['true', true, 'is a boolean'],
    ['an array', [], 'is an array'],
    ['an array of one number', [1], 'is an array'],
    ['an object', {}, 'is an object'],
    ['an object with valueOf', { valueOf: () => 1 }, 'is an object'],
    ['a Date', new Date(0), 'is a Date'],
    ['a boxed number', Object(1), 'is a Number object, not a primitive value'],
    ['a symbol', Symbol('1'), 'is a symbol'],
    ['a function', () => 1, 'is a function'],
    ['a promise', Promise.resolve(1), 'is a promise: await it before the row is written'],
    ['a Buffer', Buffer.from([1]), 'is a Buffer'],
  ])('refuses %s', (_, value, why) => {
    expect(reason(type, value)).toBe(why)
  })

  it('stores -0, "-0" and "000" as 0 and "007" as 7', () => {
    const zero = hex(type, 0)
    expect([hex(type, -0), hex(type, '-0'), hex(type, '000')]).toEqual([zero, zero, zero])
    expect(hex(type, '007')).toBe(hex(type, 7))
  })
})

describe.each(['bigint', 'varint'])('%s', type => {
  it('accepts numbers up to 2^53 - 1 and refuses 2^53, which may already be rounded', () => {
    expect(hex(type, 2 ** 53 - 1)).toBe(hex(type, 2n ** 53n - 1n))
    expect(hex(type, 1 - 2 ** 53)).toBe(hex(type, 1n - 2n ** 53n))
    for (const value of [2 ** 53, -(2 ** 53), 2 ** 63, 1e300]) {
      expect(reason(type, value)).toContain('may already be rounded: give a BigInt or text')
    }
  })

  it('reads an unsigned Long as unsigned', () => {
    const top = Long.fromString('18446744073709551615', true)
    if (type === 'varint') expect(hex(type, top)).toBe('00ffffffffffffffff')
    else expect(reason(type, top)).toContain('is above the largest bigint')
  })

  it('accepts a Long of another copy of its package, and one that went through JSON', () => {
    expect(hex(type, { low: -1, high: 0, unsigned: false })).toBe(hex(type, 0xffffffff))
    expect(hex(type, JSON.parse(JSON.stringify(Long.fromString('-5'))))).toBe(hex(type, -5))
  })

  it('refuses objects that only look like a Long', () => {
    expect(reason(type, { low: 0.5, high: 0, unsigned: false })).toBe('is an object')
    expect(reason(type, { low: 1, high: 0 })).toBe('is an object')
  })
})

describe('varint', () => {
  it.each([
    [0n, '00'],
    [127n, '7f'],
    [128n, '0080'],
    [255n, '00ff'],
    [256n, '0100'],
    [-1n, 'ff'],
    [-128n, '80'],
    [-129n, 'ff7f'],
    [-256n, 'ff00'],
    [2n ** 63n - 1n, '7fffffffffffffff'],
    [2n ** 63n, '008000000000000000'],
    [-(2n ** 63n), '8000000000000000'],
    [-(2n ** 63n) - 1n, 'ff7fffffffffffffff'],
    [2n ** 71n - 1n, '7fffffffffffffffff'],
    [2n ** 71n, '00800000000000000000'],
    [-(2n ** 71n), '800000000000000000'],
  ])('stores %s as the shortest two’s complement', (value, bytes) => {
    expect(hex('varint', value)).toBe(bytes)
  })

  it('stores every integer as the shortest two’s complement', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }), value => {
        const bytes = hex('varint', value)
        const bits = bytes.length * 4
        expect(BigInt.asIntN(bits, BigInt(`0x${bytes}`))).toBe(value)
        if (bits > 8) expect(BigInt.asIntN(bits - 8, value)).not.toBe(value)
        expect(hex('varint', Integer.fromString(String(value)))).toBe(bytes)
      }),
    )
  })

  it('refuses 1,000,001 digits, which would block the event loop', () => {
    expect(reason('varint', '9'.repeat(1_000_001))).toBe('has more than 1000000 digits')
  })
})
