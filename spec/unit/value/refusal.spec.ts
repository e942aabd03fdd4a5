import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scalarNames } from '../../../lib/table/cqlType.ts'
import { preview } from '../../../lib/value/preview.ts'
import { Refusal } from '../../../lib/value/refusal.ts'
import { scalars } from '../../../lib/value/typeTable.ts'
import { itUnlessFrozen } from '../../frozen/unlessFrozen.ts'
import { encoder, hex, refusal, scalar, udt } from './types.ts'

const everyType = [
  ...scalarNames,
  'list<int>',
  'set<int>',
  'map<int, int>',
  'tuple<int>',
  'vector<float, 1>',
  'vector<int, 1>',
]

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

/** A proxy that throws at every operation. */
function hostile(target: object): object {
  const trap = () => {
    throw new Error('trap')
  }
  const names = [
    'get',
    'has',
    'ownKeys',
    'getPrototypeOf',
    'getOwnPropertyDescriptor',
    'set',
    'isExtensible',
  ] as const
  return new Proxy(target, Object.fromEntries(names.map(name => [name, trap])))
}

function thrower(): never {
  throw new Error('ran')
}

const nasty: [string, unknown][] = [
  ['a proxy that throws', hostile({})],
  ['a proxy of an array that throws', hostile([])],
  ['a revoked proxy', revoked({})],
  ['a revoked proxy of an array', revoked([])],
  ['a revoked proxy of a function', revoked(() => undefined)],
  ['an object whose prototype is a proxy that throws', Object.create(hostile({}))],
  [
    'an object whose getters throw',
    {
      get constructor() {
        throw new Error('getter')
      },
      get [Symbol.toStringTag]() {
        throw new Error('getter')
      },
      get 0() {
        throw new Error('getter')
      },
    },
  ],
  ['an object without prototype', Object.create(null)],
  ['a symbol', Symbol('s'.repeat(500))],
  ['a symbol of emoji', Symbol('😀'.repeat(500))],
  ['a symbol of a letter and emoji', Symbol(`x${'😀'.repeat(500)}`)],
  ['a symbol without a name', Symbol()],
  ['a function', function named() {}],
  ['a class', class Named {}],
  ['a promise', Promise.resolve()],
  ['a generator', (function* () {})()],
  ['a huge text', '\0'.repeat(5_000_000)],
  ['half surrogates', '\ud800'.repeat(200)],
  ['a huge BigInt', 1n << 4_000_000n],
  [
    'an object with a thousand keys',
    Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ['\n"'.repeat(50) + i, i])),
  ],
  ['an array of hostile values', [hostile({}), revoked([]), '\0'.repeat(1000), Symbol('x')]],
  ['a class with a long name', new ({ ['X'.repeat(500)]: class {} }['X'.repeat(500)] as new () => object)()],
  [
    'a class whose name throws',
    Object.create({ constructor: Object.defineProperty(() => undefined, 'name', { get: thrower }) }),
  ],
  [
    'an object with toString, toJSON, valueOf and inspect that throw',
    {
      toString() {
        throw new Error('ran')
      },
      toJSON() {
        throw new Error('ran')
      },
      valueOf() {
        throw new Error('ran')
      },
      [Symbol.for('nodejs.util.inspect.custom')]() {
        throw new Error('ran')
      },
      [Symbol.toPrimitive]() {
        throw new Error('ran')
      },
    },
  ],
  [
    'a Date whose methods throw',
    Object.assign(new Date(Number.NaN), {
      toISOString() {
        throw new Error('ran')
      },
    }),
  ],
  ['an invalid Date', new Date(Number.NaN)],
  ['a WeakMap', new WeakMap()],
  ['a regular expression', /x/],
  ['globalThis', globalThis],
  ['null', null],
  ['undefined', undefined],
  ['the driver’s unset', types.unset],
]

describe('a refusal', () => {
  it.each(nasty)('comes for %s from every type that does not accept it, with a short preview', (_, value) => {
    for (const type of everyType) {
      let thrown: unknown
      try {
        encoder(type)(value)
        continue
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(Refusal)
      const { preview, reason, path, cqlType, expected } = thrown as Refusal
      expect(preview.length).toBeLessThanOrEqual(80)
      expect(reason.length).toBeLessThanOrEqual(160)
      expect(path.length).toBeLessThanOrEqual(120)
      expect(cqlType).not.toBe('')
      expect(expected).not.toBe('')
      expect(`${preview}${reason}${path}`).not.toMatch(/\p{Surrogate}/u)
    }
  })

  // fast-check builds objects by assignment.
  itUnlessFrozen('comes for any value that is not encoded', () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withObjectString: true,
    })
    const compiled = everyType.map(encoder)
    fc.assert(
      fc.property(anything, value => {
        for (const encode of compiled) {
          try {
            expect(Buffer.isBuffer(encode(value))).toBe(true)
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Refusal)
            expect((thrown as Refusal).preview.length).toBeLessThanOrEqual(80)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('says that reading threw, and where, and has the thrown error as its cause', () => {
    const cause = new Error('mine')
    const element = {
      get zip() {
        throw cause
      },
    }
    const type = udt('address', [{ name: 'zip', type: scalar('int') }])
    expect(refusal({ kind: 'list', element: type, frozen: true }, [{}, element])).toMatchObject({
      path: '[1]',
      cqlType: 'frozen<address>',
      reason: 'threw an error when it was read',
      cause,
    })
    const iterable = {
      *[Symbol.iterator]() {
        yield 1
        throw cause
      },
    }
    expect(refusal('list<int>', iterable)).toMatchObject({ path: '', cqlType: 'list<int>', cause })
  })

  it('has a path of limited length, whatever the names', () => {
    const key = '\n'.repeat(10_000)
    expect(refusal('map<text, int>', { [key]: 'x' }).path.length).toBeLessThanOrEqual(120)
    expect(refusal('map<int, int>', { [key]: 1 }).path.length).toBeLessThanOrEqual(120)
  })

  it('names the accepted values in the words of the type table', () => {
    for (const name of scalarNames) {
      expect(refusal(name, Symbol('none'))).toMatchObject({
        cqlType: name,
        expected: scalars[name].accepts,
        reason: 'is a symbol',
      })
    }
  })
})

describe('reading', () => {
  it('happens once for each getter', () => {
    let reads = 0
    const value = {
      get a() {
        return ++reads
      },
    }
    expect(hex('map<text, int>', value)).toBe('0000000100000001610000000400000001')
    expect(hex(udt('t', [{ name: 'a', type: scalar('int') }]), value)).toBe('0000000400000002')
    const items = Object.defineProperty([0], 0, { get: () => ++reads, enumerable: true })
    expect(hex('list<int>', items)).toBe('000000010000000400000003')
    expect(hex('vector<int, 1>', items)).toBe('00000004')
    expect(hex('vector<float, 1>', items)).toBe('40a00000')
    expect(hex('tuple<int>', items)).toBe('0000000400000006')
  })

  it('works through a proxy that does not throw', () => {
    expect(hex('map<text, int>', new Proxy({ a: 1 }, {}))).toBe('0000000100000001610000000400000001')
    expect(hex('list<int>', new Proxy([1], {}))).toBe('000000010000000400000001')
  })
})

describe('a preview', () => {
  it.each([
    [-0, '-0'],
    ['a"b', '"a\\"b"'],
    [5n, '5n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [Symbol('x'), 'Symbol(x)'],
    [() => 1, '[Function]'],
    [{}, '{}'],
    [{ a: 1, b: 2 }, 'an object with "a", "b"'],
    [[1, 'a', null, {}], '[1, "a", null, {…}]'],
    [[1, 2, 3, 4, 5], '[1, 2, 3, 4, … 5 in all]'],
    [new Map(), 'a Map'],
    [Buffer.of(1), 'a Buffer'],
    [new Date(0), 'Date 1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), 'an invalid Date'],
    [new Proxy({}, {}), 'a Proxy'],
    ['x'.repeat(100), `"${'x'.repeat(51)}…" (100 characters)`],
  ])('of %o is %s', (value, text) => {
    expect(preview(value)).toBe(text)
  })
})
