import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { encoder, hex, reason, refusal } from './types.ts'

const one = '0000000400000001'
const two = '0000000400000002'

describe('list', () => {
  it.each([
    ['an Array', [1, 2]],
    ['a Set', new Set([1, 2])],
    ['a typed array', Int16Array.of(1, 2)],
    ['a Uint8Array', Uint8Array.of(1, 2)],
    ['a BigInt64Array', BigInt64Array.of(1n, 2n)],
    [
      'the values of a Map',
      new Map([
        ['a', 1],
        ['b', 2],
      ]).values(),
    ],
    [
      'a generator',
      (function* () {
        yield 1
        yield 2
      })(),
    ],
    ['an object with an iterator', { [Symbol.iterator]: () => [1, 2].values() }],
    ['a Vector of the driver', new types.Vector([1, 2])],
    ['an array of text', ['1', '02']],
  ])('accepts %s', (_, value) => {
    expect(hex('list<int>', value)).toBe(`00000002${one}${two}`)
  })

  it('stores an empty list as empty, frozen or not, and never as null', () => {
    expect(hex('list<int>', [])).toBe('00000000')
    expect(hex('frozen<list<int>>', [])).toBe('00000000')
    expect(hex('set<int>', new Set())).toBe('00000000')
    expect(hex('map<int, int>', {})).toBe('00000000')
  })

  it('keeps order and repeated items', () => {
    expect(hex('list<int>', [2, 1, 2])).toBe(`00000003${two}${one}${two}`)
  })

  it.each([
    ['text, although it can be iterated', 'ab', 'is text'],
    ['a boxed string', Object('ab'), 'is a String object, not a primitive value'],
    ['a Map', new Map([[1, 2]]), 'is a Map'],
    ['a Buffer', Buffer.from([1]), 'is a Buffer'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'is a DataView'],
    ['an object', { 0: 1, length: 1 }, 'is an object'],
    [
      'an async generator',
      (async function* () {
        yield 1
      })(),
      'is an object',
    ],
    ['a number', 1, 'is a number'],
    ['a function', () => [1], 'is a function'],
  ])('refuses %s', (_, value, why) => {
    for (const type of ['list<int>', 'set<int>']) expect(reason(type, value)).toBe(why)
  })

  it.each([
    ['null', [1, null], 'is null, which no collection or vector can hold'],
    ['undefined', [1, undefined], 'is undefined, which no collection or vector can hold'],
    ['the driver’s unset', [1, types.unset], 'is unset, which can stand for a whole column only'],
  ])('refuses %s as an item, with its index and type', (_, value, why) => {
    for (const type of ['list<int>', 'set<int>', 'vector<int, 2>']) {
      expect(refusal(type, value)).toMatchObject({ path: '[1]', cqlType: 'int', reason: why })
    }
  })

  it('refuses a hole', () => {
    // biome-ignore lint/suspicious/noSparseArray: the spec tests a hole
    const holed = [1, , 3]
    expect(reason('list<int>', holed)).toBe('has a hole at index 1')
    expect(reason('set<int>', holed)).toBe('has a hole at index 1')
    expect(reason('vector<int, 3>', holed)).toBe('has a hole at index 1')
    expect(reason('list<int>', new Array(4_000_000_000))).toBe('has a hole at index 0')
  })

  it('refuses an iterator that never ends, and closes it', () => {
    let closed = false
    const endless = function* () {
      try {
        for (let i = 0; ; i++) yield String(i).padEnd(1000)
      } finally {
        closed = true
      }
    }
    expect(reason('list<text>', endless())).toBe('takes more than 16777216 bytes')
    expect(closed).toBe(true)
    expect(reason('set<text>', endless())).toBe('takes more than 16777216 bytes')
  })

  it('copies items and bytes, so later changes have no effect', () => {
    const bytes = Buffer.from([1])
    const items = [bytes]
    const encoded = encoder('list<blob>')(items)
    bytes[0] = 9
    items.push(bytes)
    expect(encoded.toString('hex')).toBe('000000010000000101')
  })

  it('encodes many items that are longer than expected', () => {
    const items = Array.from({ length: 1000 }, (_, i) => 'x'.repeat(i))
    const bytes = encoder('list<text>')(items)
    expect(bytes.length).toBe(4 + 1000 * 4 + (999 * 1000) / 2)
    expect(bytes.subarray(-999).toString()).toBe(items[999])
  })
})

describe('set', () => {
  it('accepts Array, Set and iterables', () => {
    for (const value of [['1', 2], new Set([1, 2]), Int8Array.of(1, 2), [1, 2].values()]) {
      expect(hex('set<int>', value)).toBe(`00000002${one}${two}`)
    }
  })

  it.each([
    ['an int twice', 'set<int>', [1, 2, 1]],
    ['an int as number and as text', 'set<int>', new Set([1, 2, '01'])],
    ['-0 and 0 as int', 'set<int>', [0, 1, -0]],
    ['a text twice', 'set<text>', ['a', 'b', 'a']],
    [
      'a uuid in two spellings',
      'set<uuid>',
      [
        '00112233-4455-6677-8899-aabbccddeeff',
        '00112233445566778899AABBCCDDEEFF'.replace('0', '1'),
        '00112233445566778899AABBCCDDEEFF',
      ],
    ],
    ['NaN twice', 'set<double>', [Number.NaN, 1, Number.NaN]],
    ['two decimals with the same value', 'set<decimal>', ['1.0', 2, '1.00']],
    ['zero with two scales', 'set<decimal>', ['0', 2, '-0.000']],
    ['a negative decimal with two scales', 'set<decimal>', ['-100', 2, '-1e2']],
    ['a frozen set in two orders', 'set<frozen<set<int>>>', [[1, 2], [3], [2, 1]]],
    [
      'a frozen map in two orders',
      'set<frozen<map<int, text>>>',
      [
        { 1: 'a', 2: 'b' },
        {},
        new Map([
          [2, 'b'],
          [1, 'a'],
        ]),
      ],
    ],
    [
      'lists of equal decimals',
      'set<frozen<list<decimal>>>',
      [
        ['1.0', '2'],
        ['2', '1'],
        ['1', '2.0'],
      ],
    ],
    [
      'tuples of equal decimals',
      'set<frozen<tuple<decimal, text>>>',
      [
        ['1.0', null],
        ['1', ''],
        ['1', null],
      ],
    ],
    [
      'vectors of equal decimals',
      'set<vector<decimal, 2>>',
      [
        ['1.0', '2'],
        ['2', '1'],
        ['1', '2.0'],
      ],
    ],
    ['vectors of sets in two orders', 'set<vector<frozen<set<int>>, 1>>', [[[1, 2]], [[1]], [[2, 1]]]],
  ])('refuses %s, because Cassandra would keep only one', (_, type, value) => {
    expect(refusal(type, value)).toMatchObject({
      path: '[2]',
      reason: expect.stringContaining('is the same '),
    })
    expect(refusal(type, value).reason).toMatch(/as item 0$/)
  })

  it.each([
    ['0 and -0 as double', 'set<double>', [0, -0]],
    ['different decimals', 'set<decimal>', ['1', '10', '0.1', '-1', '1e10']],
    ['addresses with the same end', 'set<inet>', ['1.2.3.4', '::102:304', '64:ff9b::1.2.3.4']],
    ['texts that differ in case', 'set<text>', ['a', 'A', '']],
    [
      'lists with the same items in different groups',
      'set<frozen<list<frozen<set<text>>>>>',
      [[['a'], ['b']], [['a', 'b']], [['ab']]],
    ],
    [
      'tuples that differ by a null',
      'set<frozen<tuple<decimal, text>>>',
      [
        ['1', null],
        ['1', ''],
        [null, null],
      ],
    ],
  ])('accepts %s', (_, type, value) => {
    expect(() => hex(type, value)).not.toThrow()
  })
})
