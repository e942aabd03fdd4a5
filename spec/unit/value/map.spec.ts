import { runInNewContext } from 'node:vm'
import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { encoder, hex, reason, refusal } from './types.ts'

const one = '0000000400000001'
const two = '0000000400000002'

describe('map', () => {
  const expected = `00000002${one}0000000161${two}0000000162`

  it.each([
    [
      'a Map',
      new Map([
        [1, 'a'],
        [2, 'b'],
      ]),
    ],
    ['a plain object', { 1: 'a', 2: 'b' }],
    ['an object without prototype', Object.assign(Object.create(null), { 1: 'a', 2: 'b' })],
    [
      'pairs of a key and a value',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
  ])('accepts %s', (_, value) => {
    expect(hex('map<int, text>', value)).toBe(expected)
  })

  it('treats __proto__, constructor and toString as ordinary names', () => {
    const value = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}')
    const bytes = encoder('map<text, text>')(value)
    expect(bytes.readInt32BE(0)).toBe(4)
    expect(bytes.toString()).toContain('__proto__')
  })

  it('reads own enumerable names only', () => {
    const value = Object.defineProperty({ 1: 'a' }, 'hidden', { value: 'x', enumerable: false })
    expect(hex('map<int, text>', value)).toBe('000000010000000400000001' + '0000000161')
  })

  it.each([
    ['an Array of other things', [1, 'a'], 'is no pair of a key and a value'],
    ['a pair that lacks its value', [[1]], 'is no pair of a key and a value'],
    ['a pair with three items', [[1, 'a', 'b']], 'is no pair of a key and a value'],
    ['a hole among pairs', new Array(1), 'is no pair of a key and a value'],
    ['a pair by the indexes of an object', [{ 0: 1, 1: 'a', length: 2 }], 'is no pair of a key and a value'],
    ['a Set', new Set(), 'is a Set'],
    [
      'a class instance',
      new (class Point {
        x = 1
      })(),
      'is a Point',
    ],
    ['an object with inherited properties', Object.create({ 1: 'a' }), 'is an object'],
    ['a Date', new Date(0), 'is a Date'],
    ['a typed array', Uint8Array.of(1), 'is a Uint8Array'],
    ['text', '{}', 'is text'],
    ['an Error', new TypeError('x'), 'is a TypeError'],
  ])('refuses %s', (_, value, why) => {
    expect(reason('map<int, text>', value)).toBe(why)
  })

  it('names the key of a refused value, and a refused key', () => {
    expect(refusal('map<text, int>', { ok: 1, zip: 'x' })).toMatchObject({ path: '.zip', cqlType: 'int' })
    expect(refusal('map<text, int>', { 'zip code': 'x' })).toMatchObject({ path: '["zip code"]' })
    expect(refusal('map<int, int>', new Map([[7, 'x']]))).toMatchObject({ path: '[7]' })
    expect(refusal('map<int, int>', { x: 1 })).toMatchObject({
      path: '[key "x"]',
      preview: '"x"',
      cqlType: 'int',
    })
    expect(refusal('map<int, int>', new Map([[null, 1]]))).toMatchObject({ path: '[key null]' })
    expect(refusal('map<text, int>', { a: null })).toMatchObject({ path: '.a', preview: 'null' })
    expect(refusal('map<int, int>', [[7, 'x']])).toMatchObject({ path: '[7]', preview: '"x"' })
    expect(refusal('map<int, int>', [[7, 8], 9])).toMatchObject({ path: '[1]', preview: '9' })
  })

  it.each([
    [
      '1 and "01" as int',
      'map<int, int>',
      new Map<unknown, number>([
        [1, 1],
        ['01', 2],
      ]),
    ],
    [
      'pairs with the same text',
      'map<text, int>',
      [
        ['a', 1],
        ['a', 2],
      ],
    ],
    ['object keys of the same int', 'map<int, int>', { '1': 1, '01': 2 }],
    ['decimals with the same value', 'map<decimal, int>', { '1.0': 1, '1.00': 2 }],
    [
      'a uuid in two cases',
      'map<uuid, int>',
      { '0011223344556677889900112233445a': 1, '0011223344556677889900112233445A': 2 },
    ],
    [
      'two objects of the same tuple',
      'map<frozen<tuple<int>>, int>',
      new Map([
        [[1], 1],
        [[1], 2],
      ]),
    ],
  ])('refuses %s as equal keys', (_, type, value) => {
    expect(reason(type, value)).toBe('is the same key as an earlier one')
  })

  it('refuses the driver’s unset as a value', () => {
    expect(reason('map<text, boolean>', { a: types.unset })).toContain('is unset')
  })

  it('accepts a Map of another realm by its entries', () => {
    expect(hex('map<int, text>', runInNewContext('new Map([[1, "a"], [2, "b"]])'))).toBe(expected)
    expect(hex('map<int, text>', runInNewContext('({ 1: "a", 2: "b" })'))).toBe(expected)
    expect(hex('list<int>', runInNewContext('new Set([1, 2])'))).toBe(`00000002${one}${two}`)
  })
})
