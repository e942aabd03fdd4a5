import { types } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { hex, reason, scalar, udt } from './types.ts'

/**
 * What cassandra-driver 4.10 stores for bad or borderline values, measured: see "What the driver's encoders do with bad
 * input today" in the project's notes. Here each is refused, or stored exactly.
 */

const address = udt('address', [{ name: 'zip', type: scalar('int') }])

const refused: [value: unknown, type: string, driver: string][] = [
  // value, type, what the driver stores
  ['', 'int', '0'],
  [' ', 'int', '0'],
  [true, 'int', '1'],
  [[], 'int', '0'],
  [1.5, 'int', '1'],
  ['0x10', 'int', '16'],
  ['', 'smallint', '0'],
  [' ', 'smallint', '0'],
  [true, 'smallint', '1'],
  [[], 'smallint', '0'],
  [1.5, 'smallint', '1'],
  ['0x10', 'smallint', '16'],
  ['', 'tinyint', '0'],
  [' ', 'tinyint', '0'],
  [true, 'tinyint', '1'],
  [[], 'tinyint', '0'],
  [1.5, 'tinyint', '1'],
  ['0x10', 'tinyint', '16'],
  [Number.NaN, 'bigint', '0'],
  [2 ** 63, 'bigint', '2^63 - 1'],
  [1.5, 'bigint', '1'],
  [2 ** 53 + 1, 'bigint', '2^53'],
  ['abc', 'bigint', '0'],
  ['12x', 'bigint', '12'],
  ['99999999999999999999', 'bigint', 'a wrapped number'],
  ['12.5', 'varint', '12'],
  ['abc', 'decimal', '0'],
  ['1.2.3', 'decimal', '0.012'],
  ['1abc', 'double', '1'],
  [1e39, 'float', 'Infinity'],
  [{}, 'boolean', 'true'],
  ['é', 'ascii', 'bytes that fail at the server'],
  ['😀', 'ascii', 'other characters'],
  ['a\ud800', 'text', 'U+FFFD'],
  ['999.1.1.1', 'inet', '231.1.1.1'],
  ['', 'inet', '0.0.0.0'],
  ['1:2:3', 'inet', 'uninitialised memory'],
  ['2020-02-31', 'timestamp', '2 March'],
  ['2020-02-31T00:00:00Z', 'timestamp', '2 March'],
  [Number.NaN, 'timestamp', '1970'],
  ['5', 'timestamp', '2001'],
  ['2020-01-01T00:00:00', 'timestamp', 'a moment that depends on TZ'],
  ['2021-13-01', 'date', '2022-01-01'],
  ['2021', 'date', '1975-07-15'],
  [new Date(0), 'date', 'the local day'],
  ['10:61', 'time', '11:01'],
  ['ab:cd', 'time', '00:00'],
  ['garbage', 'duration', '0'],
  ['1.5h', 'duration', '5h'],
  [new types.Tuple(1, 'a', 2), 'tuple<int, text>', 'two items'],
  [[1, 2, 3], 'vector<float, 2>', 'an error, or another length'],
  [[1, Number.NaN], 'vector<float, 2>', 'NaN'],
  ['001122334455-6677-8899-aabb-ccddeeff', 'uuid', 'a UUID'],
  ['00112233-4455-4677-8899-aabbccddeeff', 'timeuuid', 'bytes that fail at the server'],
]

describe('refused, where the driver stores', () => {
  it.each(refused)('%o as %s: %s', (value, type) => {
    expect(reason(type, value)).not.toBe('')
  })

  it('a user-defined type with an unknown field: the others', () => {
    expect(reason(address, { zip: 1, city: 'x' })).toContain('"city"')
  })

  it('a user-defined type given as text: all fields unset', () => {
    expect(reason(address, '{"zip":1}')).toBe('is text')
  })
})

describe('stored exactly, where the driver stores something else or refuses', () => {
  it.each([
    [2n ** 63n - 1n, 'bigint', '7fffffffffffffff', 'an error'],
    [5n, 'varint', '05', 'an error'],
    ['1e5', 'decimal', 'fffffffb01', '1'],
    [1e21, 'decimal', 'ffffffeb01', '1'],
    ['false', 'boolean', '00', 'true'],
    [new Map([[1, 'a']]), 'map<int, text>', '0000000100000004000000010000000161', 'an empty map'],
    [new Set([1]), 'set<int>', '000000010000000400000001', 'an error'],
    [new Set([1]), 'list<int>', '000000010000000400000001', 'an error'],
    [Uint8Array.of(1, 2), 'blob', '0102', 'an error'],
    [[1, 'a'], 'tuple<int, text>', '00000004000000010000000161', 'an error'],
    [[1, 2], 'vector<float, 2>', '3f80000040000000', 'an error'],
    [
      Object.assign(Object.create(null), { 1: 'a' }),
      'map<int, text>',
      '0000000100000004000000010000000161',
      'an error',
    ],
    ['00112233445566778899AABBCCDDEEFF', 'uuid', '00112233445566778899aabbccddeeff', 'an error'],
    [[], 'frozen<list<int>>', '00000000', 'null'],
  ])('%o as %s is %s: %s', (value, type, bytes) => {
    expect(hex(type, value)).toBe(bytes)
  })
})
