import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CqlType, parseCqlType, scalarNames } from '../../../lib/table/cqlType.ts'
import { BytesDiffer, decoderFor } from '../../../lib/value/decoder.ts'
import { nestedType } from '../../values/randomTypes.ts'
import { samplesOf } from '../../values/samples.ts'
import { encoder, scalar } from './types.ts'

const nested = nestedType.chain(type => fc.tuple(fc.constant(type), samplesOf(type)))

/** Decoded in the middle of other bytes, as in a page. */
function decode(type: CqlType, bytes: Buffer): unknown {
  const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(5, 0xff)])
  return decoderFor(type)(around, 3, 3 + bytes.length)
}

/** What is read is written again as the same bytes, and is plain JavaScript. */
function expectIdentity(type: CqlType, given: unknown): void {
  const bytes = encoder(type)(given)
  const value = decode(type, bytes)
  expect(encoder(type)(value).toString('hex')).toBe(bytes.toString('hex'))
  expectPlain(value)
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

describe('what is read is the same value when it is written again', () => {
  it.each(scalarNames)('for %s', name => {
    const type = scalar(name)
    fc.assert(
      fc.property(samplesOf(type), ({ given }) => expectIdentity(type, given)),
      { numRuns: 300 },
    )
  })

  it('for types nested at random', () => {
    fc.assert(
      fc.property(nested, ([type, { given }]) => expectIdentity(type, given)),
      { numRuns: 400 },
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

  it('of a user-defined type has its fields, whatever they are called', () => {
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

  it('shares no memory with what it was read from', () => {
    const bytes = Buffer.from('abc')
    const read = decoderFor(parse('blob'))(bytes, 0, 3) as Buffer
    bytes.fill(0)
    expect(read.toString()).toBe('abc')
  })

  it('of no bytes is null where the type has no such value', () => {
    const empty = Buffer.alloc(0)
    expect(scalarNames.filter(name => decode(scalar(name), empty) !== null)).toEqual([
      'ascii',
      'blob',
      'text',
    ])
  })
})

describe('bytes that are not of their type', () => {
  const pair = encoder(parse('tuple<int, int>'))([1, 2])
  it('are refused where a type has got more parts', () => {
    expect(() => decode(parse('tuple<int>'), pair)).toThrow(BytesDiffer)
    expect(() => decode(parse('vector<int, 1>'), encoder(parse('vector<int, 2>'))([1, 2]))).toThrow(
      BytesDiffer,
    )
  })

  it('have null for parts that are not there', () => {
    expect(decode(parse('tuple<int, int, text>'), pair)).toEqual([1, 2, null])
  })
})
