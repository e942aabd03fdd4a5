import { isDeepStrictEqual } from 'node:util'
import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isJson } from '../../../lib/json.ts'
import type { ValueForm } from '../../../lib/options/readSettings.ts'
import { type CqlType, parseCqlType, scalarNames } from '../../../lib/table/cqlType.ts'
import { BytesDiffer, decoderFor } from '../../../lib/value/decoder.ts'
import { nestedType } from '../../values/randomTypes.ts'
import { samplesOf } from '../../values/samples.ts'
import { distantTimestamps, type Sample } from '../../values/scalars.ts'
import { encoder, scalar, storedEncoder } from './types.ts'

const nested = nestedType.chain(type => fc.tuple(fc.constant(type), samplesOf(type)))

/** Decodes a value in the middle of other bytes, as in a page, whose memory is then used again. */
function decode(type: CqlType, bytes: Buffer, form: ValueForm = 'plain'): unknown {
  const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(5, 0xff)])
  const value = decoderFor(type, form)(around, 3, 3 + bytes.length)
  around.fill(0xa5)
  return value
}

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

/** Checks that a decoded value has the right form and is encoded again as the same bytes. */
const expectations: Record<ValueForm, (type: CqlType, sample: Sample) => void> = {
  plain: (type, { given }) => {
    const bytes = encoder(type)(given)
    const value = decode(type, bytes)
    expect(encoder(type)(value).toString('hex')).toBe(bytes.toString('hex'))
    expectPlain(value)
  },
  json: (type, { given }) => {
    // JavaScript orders object keys that are digits.
    const bytes = storedEncoder(type)(given)
    const value = decode(type, bytes, 'json')
    expect(isJson(value)).toBe(true)
    expect(isDeepStrictEqual(throughJson(value), value)).toBe(true)
    expect(storedEncoder(type)(throughJson(value)).toString('hex')).toBe(bytes.toString('hex'))
  },
  driver: (type, { given }) => {
    const bytes = encoder(type)(given)
    const value = decode(type, bytes, 'driver')
    expect(encoder(type)(value).toString('hex')).toBe(bytes.toString('hex'))
  },
}

function expectPlain(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const prototype = Object.getPrototypeOf(value)
  const kinds = [Object, Array, Set, Map, Date, Buffer].map(kind => kind.prototype as object)
  expect(kinds.some(kind => kind === prototype)).toBe(true)
  if (value instanceof Map) for (const part of [...value].flat()) expectPlain(part)
  else if (value instanceof Set || Array.isArray(value)) for (const part of value) expectPlain(part)
  else if (!(value instanceof Date || value instanceof Uint8Array))
    for (const part of Object.values(value)) expectPlain(part)
}

const forms: readonly ValueForm[] = ['plain', 'json', 'driver']

describe.each(forms)('a value that is read and written again is the same, as %s', form => {
  it.each(scalarNames)('for %s', name => {
    const type = scalar(name)
    fc.assert(
      fc.property(samplesOf(type), sample => expectations[form](type, sample)),
      { numRuns: 300 },
    )
  })

  it('for types nested at random', () => {
    fc.assert(
      fc.property(nested, ([type, sample]) => expectations[form](type, sample)),
      { numRuns: 400 },
    )
  })

  it('for moments beyond the range of Date', () => {
    const type = scalar('timestamp')
    fc.assert(
      fc.property(distantTimestamps, ({ given }) => {
        const bytes = encoder(type)(given)
        const value = decode(type, bytes, form)
        expect(encoder(type)(value).toString('hex')).toBe(bytes.toString('hex'))
        expect(typeof value).toBe(form === 'driver' ? 'object' : 'string')
      }),
    )
  })
})

const fields = [
  { name: '__proto__', type: 'int' },
  { name: 'constructor', type: 'frozen<list<text>>' },
  { name: 'toString', type: 'bigint' },
]
const parse = (cql: string) => parseCqlType(cql, name => (name === 'thing' ? fields : undefined))

describe('a value', () => {
  it.each<[cql: string, given: unknown, read: unknown]>([
    ['ascii', 'a', 'a'],
    ['text', 'ä😀', 'ä😀'],
    ['text', '', ''],
    ['blob', '0x00ff', Buffer.from([0, 255])],
    ['boolean', true, true],
    ['tinyint', -128, -128],
    ['smallint', -2, -2],
    ['int', -3, -3],
    ['bigint', '-9223372036854775808', -9223372036854775808n],
    ['bigint', 1, 1n],
    ['varint', 0, 0n],
    ['varint', 2n ** 47n, 2n ** 47n],
    ['varint', -(2n ** 47n) - 1n, -(2n ** 47n) - 1n],
    ['varint', 2n ** 1024n, 2n ** 1024n],
    ['varint', -(2n ** 1031n), -(2n ** 1031n)],
    ['decimal', '1.50', '1.50'],
    ['decimal', '-0.001', '-0.001'],
    ['decimal', '1000', '1000'],
    ['decimal', '1e3', '1e3'],
    ['decimal', '-12e-400', '-12e-400'],
    ['decimal', '0.00', '0.00'],
    ['double', -0, -0],
    ['double', Number.NaN, Number.NaN],
    ['float', 1.5, 1.5],
    ['uuid', '6BA7B8109DAD41D180B400C04FD430C8', '6ba7b810-9dad-41d1-80b4-00c04fd430c8'],
    ['date', '1970-01-01', '1970-01-01'],
    ['date', '-5877641-06-23', '-5877641-06-23'],
    ['date', '+5881580-07-11', '+5881580-07-11'],
    ['date', '0000-02-29', '0000-02-29'],
    ['time', '00:00:00', '00:00:00'],
    ['time', '23:59:59.999999999', '23:59:59.999999999'],
    ['time', '01:02:03.040', '01:02:03.04'],
    ['timestamp', '2026-03-01T12:00:00Z', new Date('2026-03-01T12:00:00Z')],
    ['timestamp', -1, new Date(-1)],
    ['timestamp', 8_640_000_000_000_000, new Date(8_640_000_000_000_000)],
    ['timestamp', 8_640_000_000_000_001, '+275760-09-13T00:00:00.001Z'],
    ['timestamp', -8_640_000_000_000_001, '-271821-04-19T23:59:59.999Z'],
    ['timestamp', 2n ** 63n - 1n, '+292278994-08-17T07:12:55.807Z'],
    ['timestamp', -(2n ** 63n), '-292275055-05-16T16:47:04.192Z'],
    ['inet', '127.0.0.1', '127.0.0.1'],
    ['inet', '::', '::'],
    ['inet', '::1', '::1'],
    ['inet', '1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['inet', '1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['duration', '0s', '0s'],
    ['duration', '14mo8d3h1ns', '1y2mo8d3h1ns'],
    ['duration', '-1y1us', '-1y1us'],
    ['list<int>', [1, 2], [1, 2]],
    ['set<text>', ['b', 'a'], new Set(['a', 'b'])],
    ['set<double>', [-0, 0], new Set(['-0', 0])],
    [
      'map<double, int>',
      new Map<unknown, number>([
        ['-0', 1],
        [0, 2],
      ]),
      new Map<unknown, number>([
        ['-0', 1],
        [0, 2],
      ]),
    ],
    ['map<text, bigint>', { a: 1 }, new Map([['a', 1n]])],
    ['tuple<int, text>', [null, 'x'], [null, 'x']],
    ['vector<float, 2>', [1, 2], [1, 2]],
    ['vector<text, 2>', ['a', ''], ['a', '']],
    ['vector<frozen<vector<varint, 1>>, 2>', [[1], [300]], [[1n], [300n]]],
  ])('of %s is plain JavaScript (%#)', (cql, given, read) => {
    const type = parse(cql)
    const bytes = encoder(type)(given)
    expect(decode(type, bytes)).toStrictEqual(read)
    expect(encoder(type)(decode(type, bytes))).toEqual(bytes)
  })

  it('of a user-defined type has its fields, whatever their names', () => {
    const type = parse('frozen<thing>')
    const read = decode(
      type,
      encoder(type)(
        new Map<string, unknown>([
          ['__proto__', 1],
          ['toString', 2],
        ]),
      ),
    ) as object
    expect(Object.entries(read)).toEqual([
      ['__proto__', 1],
      ['constructor', null],
      ['toString', 2n],
    ])
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  it('of a counter is a BigInt, and of a custom type its bytes', () => {
    const bytes = Buffer.from('ffffffffffffffff', 'hex')
    expect(decode(parse('counter'), bytes)).toBe(-1n)
    expect(decode(parse("'org.example.Money'"), bytes)).toEqual(bytes)
  })

  it('shares no memory with the bytes that it was read from', () => {
    const bytes = Buffer.from('abc')
    const read = decoderFor(parse('blob'))(bytes, 0, 3) as Buffer
    bytes.fill(0)
    expect(read.toString()).toBe('abc')
  })

  it('without bytes is null if the type has no empty value', () => {
    const empty = Buffer.alloc(0)
    expect(scalarNames.filter(name => decode(scalar(name), empty) !== null)).toEqual([
      'ascii',
      'blob',
      'text',
    ])
  })
})

describe('a value for JSON', () => {
  it.each<[cql: string, given: unknown, json: string]>([
    ['ascii', 'a', '"a"'],
    ['text', '"\u0000😀', '"\\"\\u0000😀"'],
    ['blob', Buffer.from([0, 255]), '"0x00ff"'],
    ['blob', '0x', '"0x"'],
    ['boolean', true, 'true'],
    ['tinyint', -128, '-128'],
    ['int', 2147483647, '2147483647'],
    ['bigint', 2n ** 53n + 1n, '"9007199254740993"'],
    ['bigint', 1, '"1"'],
    ['varint', -(2n ** 1024n), `"-${2n ** 1024n}"`],
    ['decimal', '1.50', '"1.50"'],
    ['double', 0.1, '0.1'],
    ['double', -0, '"-0"'],
    ['double', 0, '0'],
    ['double', Number.NaN, '"NaN"'],
    ['double', Number.NEGATIVE_INFINITY, '"-Infinity"'],
    ['float', Number.POSITIVE_INFINITY, '"Infinity"'],
    ['float', 1.5, '1.5'],
    ['uuid', '6BA7B8109DAD41D180B400C04FD430C8', '"6ba7b810-9dad-41d1-80b4-00c04fd430c8"'],
    ['date', '2026-03-01', '"2026-03-01"'],
    ['time', '01:02:03.04', '"01:02:03.04"'],
    ['timestamp', '2026-03-01T12:00:00Z', '"2026-03-01T12:00:00.000Z"'],
    ['timestamp', 2n ** 63n - 1n, '"+292278994-08-17T07:12:55.807Z"'],
    ['inet', '::1', '"::1"'],
    ['duration', '1y2mo8d3h1ns', '"1y2mo8d3h1ns"'],
    ['list<double>', [-0, Number.NaN, 1], '["-0","NaN",1]'],
    ['set<bigint>', [1, 2], '["1","2"]'],
    ['map<text, bigint>', { ['__proto__']: 1, b: 2 }, '{"__proto__":"1","b":"2"}'],
    ['map<int, text>', new Map([[1, 'a']]), '{"1":"a"}'],
    ['map<blob, boolean>', { '0x00ff': true }, '{"0x00ff":true}'],
    ['map<boolean, int>', { true: 1, false: 0 }, '{"true":1,"false":0}'],
    ['map<double, int>', { NaN: 1, '-0': 2, 0: 3, '1e+21': 4 }, '{"0":3,"NaN":1,"-0":2,"1e+21":4}'],
    ['map<timestamp, int>', new Map([[new Date(1), 1]]), '{"1970-01-01T00:00:00.001Z":1}'],
    ['map<frozen<tuple<int, text>>, int>', new Map([[[1, null], 2]]), '[[[1,null],2]]'],
    ['map<frozen<list<bigint>>, int>', new Map(), '[]'],
    ['map<text, int>', {}, '{}'],
    ['tuple<bigint, blob>', [null, '0x01'], '[null,"0x01"]'],
    ['vector<float, 2>', [Number.NaN, 2], '["NaN",2]'],
    ['frozen<thing>', { toString: 2 }, '{"__proto__":null,"constructor":null,"toString":"2"}'],
  ])('of %s is %o as %s', (cql, given, json) => {
    const type = parse(cql)
    const bytes = encoder(type)(given)
    const text = JSON.stringify(decode(type, bytes, 'json'))
    expect(text).toBe(json)
    expect(encoder(type)(JSON.parse(text))).toEqual(bytes)
  })

  it('of a counter is its digits, and of a custom type its bytes as text', () => {
    const bytes = Buffer.from('ffffffffffffffff', 'hex')
    expect(decode(parse('counter'), bytes, 'json')).toBe('-1')
    expect(decode(parse("'org.example.Money'"), bytes, 'json')).toBe('0xffffffffffffffff')
  })
})

describe('a value of the driver', () => {
  const { Long } = types
  it.each<[cql: string, given: unknown, read: unknown]>([
    ['bigint', 2n ** 53n + 1n, Long.fromString('9007199254740993')],
    ['timestamp', 1, new Date(1)],
    ['timestamp', 8_640_000_000_000_001, Long.fromString('8640000000000001')],
    ['timestamp', -(2n ** 63n), Long.MIN_VALUE],
    ['set<text>', new Set(['a', 'b']), ['a', 'b']],
    ['set<double>', [-0, 0], [-0, 0]],
    ['map<text, bigint>', { a: 1 }, { a: Long.fromNumber(1) }],
    ['map<ascii, int>', { ['__proto__']: 1 }, JSON.parse('{"__proto__":1}')],
    ['map<int, text>', { 1: 'a' }, new Map([[1, 'a']])],
    ['map<double, int>', new Map<unknown, number>([['-0', 1]]), new Map([['-0', 1]])],
    ['map<bigint, int>', { 1: 2 }, new Map([[Long.fromNumber(1), 2]])],
    ['frozen<thing>', { toString: 2 }, JSON.parse('{"__proto__":null,"constructor":null,"toString":0}')],
  ])('of %s has the driver’s class and loses nothing (%#)', (cql, given, read) => {
    const type = parse(cql)
    const bytes = encoder(type)(given)
    const wanted =
      cql === 'frozen<thing>' ? Object.assign(read as object, { toString: Long.fromNumber(2) }) : read
    expect(decode(type, bytes, 'driver')).toStrictEqual(wanted)
    expect(encoder(type)(decode(type, bytes, 'driver'))).toEqual(bytes)
  })

  it.each(['uuid', 'timeuuid', 'inet', 'blob'] as const)('of %s shares no memory with its page', name => {
    const [sample] = fc.sample(samplesOf(scalar(name)), { numRuns: 1, seed: 1 })
    const bytes = Buffer.from(encoder(scalar(name))(sample?.given))
    const before = bytes.toString('hex')
    const value = decoderFor(scalar(name), 'driver')(bytes, 0, bytes.length)
    bytes.fill(0xff)
    expect(encoder(scalar(name))(value).toString('hex')).toBe(before)
  })

  it('of a time beyond the day is a Long, which a sink refuses', () => {
    const read = (hex: string) => decode(scalar('time'), Buffer.from(hex, 'hex'), 'driver')
    expect(read('ffffffffffffffff')).toEqual(Long.NEG_ONE)
    expect(read('00004e94914f0000')).toEqual(Long.fromString('86400000000000'))
    expect(read('00004e94914effff')).toBeInstanceOf(types.LocalTime)
  })

  it('of a time beyond the day is the number of its nanoseconds', () => {
    const read = (hex: string) => {
      const bytes = Buffer.from(hex, 'hex')
      return [decode(scalar('time'), bytes), decode(scalar('time'), bytes, 'json')]
    }
    expect(read('ffffffffffffffff')).toEqual([-1n, '-1'])
    expect(read('00004e94914f0000')).toEqual([86_400_000_000_000n, '86400000000000'])
    expect(read('7fffffffffffffff')).toEqual([2n ** 63n - 1n, '9223372036854775807'])
    expect(read('00004e94914effff')).toEqual(['23:59:59.999999999', '23:59:59.999999999'])
  })

  it.each(['uuid', 'inet'] as const)('of %s is refused if its bytes have another size', name => {
    expect(() => decode(scalar(name), Buffer.alloc(5), 'driver')).toThrow(RangeError)
  })

  it('of a counter is a Long, and of a custom type its bytes', () => {
    const bytes = Buffer.from('ffffffffffffffff', 'hex')
    expect(decode(parse('counter'), bytes, 'driver')).toEqual(Long.NEG_ONE)
    expect(decode(parse("'org.example.Money'"), bytes, 'driver')).toEqual(bytes)
  })
})

describe('bytes that do not match their type', () => {
  const pair = encoder(parse('tuple<int, int>'))([1, 2])
  it('are refused if the value has more parts than the type', () => {
    expect(() => decode(parse('tuple<int>'), pair)).toThrow(BytesDiffer)
    expect(() => decode(parse('vector<int, 1>'), encoder(parse('vector<int, 2>'))([1, 2]))).toThrow(
      BytesDiffer,
    )
  })

  it('have null for missing parts', () => {
    expect(decode(parse('tuple<int, int, text>'), pair)).toEqual([1, 2, null])
  })
})
