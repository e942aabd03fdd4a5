import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { cqlType, encoder, hex, reason, refusal, scalar, udt } from './types.ts'

const nothing = 'ffffffff'
const one = '0000000400000001'

describe('tuple', () => {
  const type = 'tuple<int, text>'

  it('accepts an Array or a Tuple of the driver', () => {
    expect(hex(type, [1, 'a'])).toBe(`${one}0000000161`)
    expect(hex(type, new types.Tuple(1, 'a'))).toBe(`${one}0000000161`)
  })

  it('stores items that a Tuple of the driver lacks at its end as null', () => {
    expect(hex(type, new types.Tuple(1))).toBe(one + nothing)
    expect(hex('set<frozen<tuple<int, text>>>', [new types.Tuple(1)])).toBe(
      hex('set<frozen<tuple<int, text>>>', [[1, null]]),
    )
  })

  it('stores null and undefined items as null, and empty text as empty', () => {
    expect(hex(type, [null, undefined])).toBe(nothing + nothing)
    expect(hex(type, [1, ''])).toBe(`${one}00000000`)
  })

  it('refuses too few and too many items', () => {
    expect(reason(type, [1])).toBe('has 1 items, and the tuple 2')
    expect(reason(type, [1, 'a', 2])).toBe('has 3 items, and the tuple 2')
    expect(reason(type, [])).toBe('has 0 items, and the tuple 2')
    expect(reason(type, new types.Tuple(1, 'a', 'b'))).toBe('has 3 items, and the tuple 2')
  })

  it('refuses Set, object, text and typed arrays', () => {
    expect(reason(type, new Set([1, 'a']))).toBe('is a Set')
    expect(reason(type, { 0: 1, 1: 'a' })).toBe('is an object')
    expect(reason(type, 'ab')).toBe('is text')
    expect(reason('tuple<int>', Int8Array.of(1))).toBe('is an Int8Array')
  })

  it('names a refused item, and refuses unset', () => {
    expect(refusal(type, [1, 5])).toMatchObject({ path: '[1]', cqlType: 'text', reason: 'is a number' })
    expect(refusal(type, [types.unset, 'a'])).toMatchObject({
      path: '[0]',
      reason: 'is unset; null leaves it empty',
    })
  })
})

describe('user-defined type', () => {
  const address = udt('address', [
    { name: 'street', type: scalar('text') },
    { name: 'zip', type: scalar('int') },
  ])
  const bytes = `0000000161${one}`

  it('accepts a plain object, an object without prototype, or a Map, with fields in any order', () => {
    expect(hex(address, { zip: 1, street: 'a' })).toBe(bytes)
    expect(hex(address, Object.assign(Object.create(null), { zip: 1, street: 'a' }))).toBe(bytes)
    expect(
      hex(
        address,
        new Map<string, unknown>([
          ['zip', 1],
          ['street', 'a'],
        ]),
      ),
    ).toBe(bytes)
  })

  it('stores missing, undefined and null fields as null', () => {
    expect(hex(address, { zip: 1 })).toBe(nothing + one)
    expect(hex(address, { street: undefined, zip: null })).toBe(nothing + nothing)
    expect(hex(address, {})).toBe(nothing + nothing)
    expect(hex(address, { street: '' })).toBe(`00000000${nothing}`)
  })

  it('refuses an unknown field, and names it and the known ones', () => {
    expect(refusal(address, { zip: 1, Zip: 2 })).toMatchObject({
      path: '',
      cqlType: 'frozen<address>',
      reason: 'has "Zip", which is no field of the type',
      expected: 'an object or Map with the fields street, zip',
    })
    expect(reason(address, new Map([[1, 1]]))).toBe('has 1, which is no field of the type')
    expect(reason(address, JSON.parse('{"__proto__":1}'))).toBe(
      'has "__proto__", which is no field of the type',
    )
  })

  it('finds fields named __proto__, constructor and toString only as own properties', () => {
    const odd = udt('odd', [
      { name: '__proto__', type: scalar('text') },
      { name: 'constructor', type: scalar('text') },
      { name: 'toString', type: scalar('text') },
    ])
    expect(hex(odd, {})).toBe(nothing.repeat(3))
    expect(hex(odd, JSON.parse('{"__proto__":"a","toString":"c"}'))).toBe(`0000000161${nothing}0000000163`)
  })

  it('does not read inherited properties', () => {
    expect(reason(address, Object.create({ zip: 1 }))).toBe('is an object without fields of its own')
  })

  it.each([
    ['text', 'a, 1', 'is text'],
    ['an Array', ['a', 1], 'is an array'],
    [
      'a class instance with private fields',
      new (class Address {
        readonly #zip = 1
        get zip() {
          return this.#zip
        }
      })(),
      'is an Address without fields of its own',
    ],
    ['a Date with fields', Object.assign(new Date(0), { zip: 1 }), 'is a Date'],
    ['an Error with fields', Object.assign(new TypeError('x'), { zip: 1 }), 'is a TypeError'],
    ['a value of the driver', types.Uuid.random(), 'is a Uuid'],
    ['an object of text', Object('ab'), 'is a String object, not a primitive value'],
    ['a Date', new Date(0), 'is a Date'],
    ['a Set', new Set(), 'is a Set'],
    ['a promise', Promise.resolve({}), 'is a promise: await it before the row is written'],
    ['a number', 1, 'is a number'],
  ])('refuses %s', (_, value, why) => {
    expect(reason(address, value)).toBe(why)
  })

  it('accepts an instance of a class by its own fields', () => {
    class Address {
      zip = 1
      street = 'a'
      get name() {
        return 'not a field'
      }
    }
    expect(hex(address, new Address())).toBe(bytes)
    expect(hex(address, new (class Home extends Address {})())).toBe(bytes)
  })

  it('names at most ten fields', () => {
    const many = udt(
      'many',
      Array.from({ length: 600 }, (_, i) => ({ name: `field_${i}`, type: scalar('int') })),
    )
    expect(refusal(many, 1).expected).toMatch(/field_0, .* field_9 and 590 others$/)
    expect(refusal(`tuple<${Array(300).fill('int').join(', ')}>`, 1).expected.length).toBeLessThan(150)
  })

  it('shows invisible characters of a field as escapes', () => {
    expect(reason(address, { '\ufeffzip\r': 1 })).toBe('has "\\u{feff}zip\\r", which is no field of the type')
  })

  it('refuses the driver’s unset as a field', () => {
    expect(refusal(address, { zip: types.unset })).toMatchObject({
      path: '.zip',
      reason: 'is unset; null leaves it empty',
    })
  })

  it('builds the path through every level', () => {
    const profile = udt('profile', [
      { name: 'addresses', type: { kind: 'list', element: address, frozen: true } },
      { name: 'Home town', type: cqlType('map<text, tuple<int, frozen<set<smallint>>>>') },
    ])
    expect(refusal(profile, { addresses: [{}, {}, { zip: 'x' }] }).path).toBe('.addresses[2].zip')
    expect(refusal(profile, { 'Home town': { a: [1, [5, 'x']] } }).path).toBe('["Home town"].a[1][1]')
  })

  it('copies fields, so later changes have no effect', () => {
    const value = { zip: 1, street: 'a' }
    const encoded = encoder(address)(value)
    value.zip = 2
    expect(encoded.toString('hex')).toBe(bytes)
  })
})

describe('vector', () => {
  it('accepts Array, typed array and Vector of the driver', () => {
    const expected = '3f80000040000000bfc00000'
    for (const value of [
      [1, 2, -1.5],
      Float32Array.of(1, 2, -1.5),
      Float64Array.of(1, 2, -1.5),
      new types.Vector([1, 2, -1.5]),
      ['1', 2, '-1.5'],
    ]) {
      expect(hex('vector<float, 3>', value)).toBe(expected)
    }
  })

  it('stores types of fixed size without lengths and all others with lengths, as Cassandra 5 does', () => {
    expect(hex('vector<int, 2>', [1, 2])).toBe('0000000100000002')
    expect(hex('vector<boolean, 2>', [true, false])).toBe('0100')
    expect(hex('vector<smallint, 2>', [1, 2])).toBe('020001020002')
    expect(hex('vector<tinyint, 2>', Int8Array.of(1, 2))).toBe('01010102')
    expect(hex('vector<date, 1>', ['1970-01-01'])).toBe('0480000000')
    expect(hex('vector<text, 2>', ['', 'a'])).toBe('000161')
    expect(hex('vector<vector<float, 1>, 2>', [[1], [2]])).toBe('3f80000040000000')
    expect(hex('vector<vector<text, 1>, 2>', [['a'], ['b']])).toBe('020161020162')
  })

  it('writes lengths from 128 on in two bytes', () => {
    expect(hex('vector<text, 1>', ['a'.repeat(127)])).toBe(`7f${'61'.repeat(127)}`)
    expect(hex('vector<text, 1>', ['a'.repeat(128)])).toBe(`8080${'61'.repeat(128)}`)
    expect(hex('vector<text, 1>', ['a'.repeat(20_000)]).slice(0, 6)).toBe('c04e20')
  })

  it('refuses every other length', () => {
    for (const value of [[], [1], [1, 2, 3], new Float32Array(1), new types.Vector([1, 2, 3])]) {
      expect(reason('vector<float, 2>', value)).toBe(
        `has ${(value as number[]).length} items, and the vector 2`,
      )
    }
  })

  it('accepts NaN and infinities, as the server does, and no value beyond the range of its items', () => {
    const items = [Number.NaN, Number.POSITIVE_INFINITY, '-Infinity']
    expect(hex('vector<float, 3>', items)).toBe('7fc000007f800000ff800000')
    expect(hex('vector<double, 3>', items)).toBe('7ff80000000000007ff0000000000000fff0000000000000')
    expect(hex('vector<float, 2>', new Float32Array([Number.NaN, 1]))).toBe('7fc000003f800000')
    expect(reason('vector<float, 1>', [1e39])).toBe('is beyond the range of a float')
    expect(reason('vector<float, 1>', [1e-60])).toBe('is too close to zero for a float')
  })

  it('keeps 0 and -0 apart', () => {
    expect(hex('vector<float, 2>', [0, -0])).toBe('0000000080000000')
  })

  it('refuses Buffer, Set, text and objects', () => {
    expect(reason('vector<tinyint, 1>', Buffer.from([1]))).toBe('is a Buffer')
    expect(reason('vector<int, 1>', new Set([1]))).toBe('is a Set')
    expect(reason('vector<text, 1>', 'a')).toBe('is text')
    expect(reason('vector<int, 1>', { 0: 1, length: 1 })).toBe('is an object')
    expect(reason('vector<int, 1>', new DataView(new ArrayBuffer(1)))).toBe('is a DataView')
  })
})
