import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bytes } from '../../../lib/value/bytes.ts'
import type { Order } from '../../../lib/value/compiledType.ts'
import { decimalIdentity, decimalOrder } from '../../../lib/value/decimalOrder.ts'
import { byteOrder } from '../../../lib/value/order.ts'
import { sortParts } from '../../../lib/value/partsOrder.ts'
import { cpuOf } from './cpu.ts'
import { encoder, hex } from './types.ts'

/** Values of each type in the order of Cassandra 5 in a frozen set. */
const ordered: [type: string, values: readonly unknown[]][] = [
  ['int', [-2147483648, -256, -1, 0, 1, 255, 256]],
  ['smallint', [-256, -1, 0, 127, 128, 256]],
  ['bigint', [-(2n ** 63n), -1n, 0n, 2n ** 32n, 2n ** 63n - 1n]],
  ['timestamp', [-1, 0, 1]],
  ['varint', [-(2n ** 64n), -(2n ** 63n), -129, -128, -1, 0, 127, 128, 2n ** 63n, 2n ** 64n]],
  ['decimal', ['-1e10', '-10.5', '-1e1', '-0.001', '0', '1e-400', '0.99', '1', '1.01', '9', '1e1', '1e400']],
  ['double', [Number.NEGATIVE_INFINITY, -2, -1, -0, 0, 5e-324, 1, Number.POSITIVE_INFINITY, Number.NaN]],
  ['float', [Number.NEGATIVE_INFINITY, -1.5, -0, 0, 1.5, Number.POSITIVE_INFINITY, Number.NaN]],
  ['text', ['', 'A', 'Aa', 'a', 'z', 'ä', '\uffff', '\u{10000}']],
  ['blob', ['0x', '0x00', '0x0000', '0x01', '0x80', '0xff']],
  ['boolean', [false, true]],
  ['inet', ['::1', 'ff::', '1.2.3.4', '10.0.0.1', '255.0.0.1']],
  ['date', ['-0001-01-01', '1969-12-31', '1970-01-01']],
  [
    'uuid',
    [
      // Version 0, then version 1 by time and unsigned bytes, then version 4 by bytes.
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-0000-1000-8000-000000000000',
      '00000000-0001-1000-0000-000000000000',
      '00000000-0001-1000-8000-000000000000',
      '00000000-0000-4000-8000-000000000000',
      'ff000000-0000-4000-8000-000000000000',
    ],
  ],
  [
    'timeuuid',
    [
      'ffffffff-0000-1000-8000-000000000000',
      '00000000-0001-1000-8000-000000000000',
      '00000000-0001-1000-8000-000000000001',
      '00000000-0001-1000-0000-000000000080',
      '00000000-0001-1000-0000-000000000000',
      '00000000-0000-1001-8000-000000000000',
    ],
  ],
  ['frozen<list<int>>', [[], [-1], [-1, 5], [0], [1, -1]]],
  ['frozen<set<int>>', [[], [-1, 5], [0], [1, 3], [2]]],
  [
    'frozen<map<int, text>>',
    [
      new Map(),
      new Map().set(-1, 'z').set(2, 'a'),
      new Map().set(1, 'a'),
      new Map().set(1, 'a').set(2, 'a'),
      new Map().set(1, 'b'),
    ],
  ],
  [
    'frozen<tuple<int, text>>',
    [
      [null, 'z'],
      [-1, null],
      [-1, ''],
      [0, 'a'],
    ],
  ],
  [
    'vector<int, 2>',
    [
      [-1, 5],
      [0, -1],
      [0, 1],
    ],
  ],
  [
    'vector<varint, 2>',
    [
      [-1, 500],
      [0, -300],
      [0, 1],
    ],
  ],
]

describe('a set or map that the server stores in the given order', () => {
  it.each(ordered)('has its elements and keys in the server’s order: %s', (type, values) => {
    const encode = encoder(type)
    const parts = values.map(value => {
      const bytes = encode(value)
      const size = Buffer.alloc(4)
      size.writeInt32BE(bytes.length)
      return Buffer.concat([size, bytes]).toString('hex')
    })
    const one = '0000000400000001'
    fc.assert(
      fc.property(fc.shuffledSubarray([...values.keys()]), places => {
        const sorted = [...places].sort((a, b) => a - b)
        const given = places.map(place => values[place])
        const set = hex(`tuple<frozen<set<${type}>>>`, [given])
        expect(set.slice(16)).toBe(sorted.map(place => parts[place]).join(''))
        const map = hex(`tuple<frozen<map<${type}, int>>>`, [new Map(given.map(key => [key, 1]))])
        // A Map has only one zero.
        if (places.length === new Set(given).size && !given.some(key => Object.is(key, -0)))
          expect(map.slice(16)).toBe(sorted.map(place => parts[place] + one).join(''))
      }),
    )
  })

  it('is also in order inside lists, sets and maps, and as a key, because servers sort only the outermost level', () => {
    for (const type of ['list<frozen<set<int>>>', 'set<frozen<set<int>>>', 'vector<frozen<set<int>>, 1>']) {
      expect(hex(type, [[2, 1]])).toBe(hex(type, [[1, 2]]))
    }
    expect(
      hex('map<int, frozen<map<int, int>>>', {
        1: new Map([
          [2, 0],
          [1, 0],
        ]),
      }),
    ).toBe(hex('map<int, frozen<map<int, int>>>', { 1: { 1: 0, 2: 0 } }))
  })

  it('keeps its order if it is the whole column, which every server sorts', () => {
    expect(hex('set<int>', [2, 1])).toBe('00000002' + '0000000400000002' + '0000000400000001')
  })
})

describe('the cost of sorting', () => {
  /** Counts the comparisons that it takes to sort 4-byte parts. */
  function comparisons(values: readonly number[]): number {
    const out = new Bytes(2 ** 24)
    out.begin()
    const starts = values.map(value => {
      const start = out.length
      out.int32(4)
      out.int32(value)
      return start
    })
    let count = 0
    const counting: Order = (...range) => {
      count++
      return byteOrder(...range)
    }
    sortParts(out, starts, counting)
    const sorted = out.view(0)
    for (let i = 1; i < values.length; i++)
      expect(sorted.readInt32BE(8 * i + 4)).toBeGreaterThanOrEqual(sorted.readInt32BE(8 * i - 4))
    return count
  }

  it('is n comparisons for sorted parts, and n log n for others', () => {
    for (const n of [100, 10_000]) {
      const rising = Array.from({ length: n }, (_, i) => i)
      expect(comparisons(rising)).toBe(n - 1)
      expect(comparisons(rising.toReversed())).toBeLessThan(3 * n)
      const mixed = rising.map(i => (i * 7919) % n)
      expect(comparisons(mixed)).toBeLessThan(n * Math.log2(n) + n)
    }
  })
})

describe('decimals', () => {
  const decimal = encoder('decimal')
  const amounts = fc.record({
    unscaled: fc.oneof(
      fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
      fc.bigInt({ min: -20n, max: 20n }),
    ),
    scale: fc.integer({ min: -30, max: 30 }),
    zeros: fc.nat({ max: 30 }),
  })
  const byteLengthOf = (unscaled: bigint, scale: number) => decimal(`${unscaled}e${-scale}`)

  it('are equal exactly if their values are', () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        const same = a.unscaled * 10n ** BigInt(30 - a.scale) === b.unscaled * 10n ** BigInt(30 - b.scale)
        const identity = decimalIdentity(byteLengthOf(a.unscaled, a.scale))
        expect(identity === decimalIdentity(byteLengthOf(b.unscaled, b.scale))).toBe(same)
        const padded = byteLengthOf(a.unscaled * 10n ** BigInt(a.zeros), a.scale + a.zeros)
        expect(decimalIdentity(padded)).toBe(identity)
      }),
    )
  })

  it('are ordered by their values', () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        const left = byteLengthOf(a.unscaled, a.scale)
        const right = byteLengthOf(b.unscaled, b.scale)
        const both = Buffer.concat([left, right])
        const order = decimalOrder(both, 0, left.length, left.length, both.length)
        const difference = a.unscaled * 10n ** BigInt(30 - a.scale) - b.unscaled * 10n ** BigInt(30 - b.scale)
        expect(Math.sign(order) + 0).toBe(difference < 0n ? -1 : difference > 0n ? 1 : 0)
      }),
    )
  })

  it('with ten times as many digits take about ten times as long, whatever the digits are', () => {
    const sample = (digits: number) => [
      decimal(`1${'0'.repeat(digits - 2)}1`),
      decimal(`1${'0'.repeat(digits - 1)}`),
      decimal('7'.repeat(digits)),
    ]
    const identify = (all: readonly Buffer[], times: number) =>
      cpuOf(() => {
        for (let i = 0; i < times; i++) all.map(decimalIdentity)
      })
    const tenShort = identify(sample(8000), 10)
    expect(identify(sample(80_000), 1) / tenShort).toBeLessThan(6)
  })

  it('with the largest exponents are compared without writing out all digits', () => {
    const type = 'tuple<frozen<set<decimal>>>'
    const values = ['1e2147483647', '1', '-1e2147483648', '1e-2147483647', '0e2147483648', '-1e-2147483647']
    expect(hex(type, [values])).toBe(hex(type, [values.toReversed()]))
    expect(() => hex(type, [[...values, '0']])).toThrow()
  })
})
