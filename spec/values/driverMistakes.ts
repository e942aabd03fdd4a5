import { types } from 'cassandra-driver'
import { type CqlType, parseCqlType } from '../../lib/table/cqlType.ts'

/**
 * Bad or borderline values, and what cassandra-driver 4.10 was found to do with them. Our encoders refuse each value or store
 * it exactly. Specs in spec/unit/value test the encoders, and specs in spec/integration test a sink on a real server.
 */

/** The only user-defined type. */
export const address = [
  { name: 'zip', type: 'int' },
  { name: 'city', type: 'text' },
]

export function typeOf(cql: string): CqlType {
  return parseCqlType(cql, name => (name === 'address' ? address : undefined))
}

type Refused = readonly [value: unknown, type: string, driver: string, reason: string]
type Stored = readonly [value: unknown, type: string, driver: string, bytes: string, json: string]

const wholeText = 'is not a whole number in decimal digits'
const notWhole = 'is not a whole number'
const rounded = 'is a number beyond 2^53 - 1 and may already be rounded: give a BigInt or text'
const notDecimal = 'is not decimal text'
const notAscii = 'has a character outside ASCII'
const notInet = 'is not an IPv4 or IPv6 address'
const notMoment =
  'is not a moment of the calendar written as YYYY-MM-DDTHH:MM:SS.mmm and an offset such as Z or +01:00'
const notDay = 'is not a day of the calendar written as YYYY-MM-DD'
const notTime = 'is not a time of the day written as HH:MM:SS with up to 9 digits of a second'
const notDuration = 'is not a duration such as 1y2mo3d4h5m6s or P1Y2M3DT4H5M6S'

const asInteger = (type: string): Refused[] => [
  ['', type, '0', wholeText],
  [' ', type, '0', wholeText],
  [true, type, '1', 'is a boolean'],
  [[], type, '0', 'is an array'],
  [1.5, type, '1', notWhole],
  ['0x10', type, '16', wholeText],
]

export const refused: readonly Refused[] = [
  // value, type, what the driver stores, why it is refused here
  ...asInteger('int'),
  ...asInteger('smallint'),
  ...asInteger('tinyint'),
  [Buffer.of(1), 'int', 'the bytes as they are', 'is a Buffer'],
  [Number.NaN, 'bigint', '0', notWhole],
  [2 ** 63, 'bigint', '2^63 - 1', rounded],
  [1.5, 'bigint', '1', notWhole],
  [2 ** 53 + 1, 'bigint', '2^53', rounded],
  ['abc', 'bigint', '0', wholeText],
  ['12x', 'bigint', '12', wholeText],
  ['99999999999999999999', 'bigint', 'a wrapped number', 'is above the largest bigint, 9223372036854775807'],
  ['12.5', 'varint', '12', wholeText],
  ['abc', 'decimal', '0', notDecimal],
  ['1.2.3', 'decimal', '0.012', notDecimal],
  ['1abc', 'double', '1', notDecimal],
  [1e39, 'float', 'Infinity', 'is beyond the range of a float'],
  [{}, 'boolean', 'true', 'is an object'],
  ['é', 'ascii', 'bytes that fail at the server', notAscii],
  ['😀', 'ascii', 'other characters', notAscii],
  ['a\ud800', 'text', 'U+FFFD', 'has half of a surrogate pair, which UTF-8 cannot hold'],
  ['999.1.1.1', 'inet', '231.1.1.1', notInet],
  ['', 'inet', '0.0.0.0', notInet],
  ['1:2:3', 'inet', '10 bytes of uninitialised memory', notInet],
  ['2020-02-31', 'timestamp', '2 March', notMoment],
  ['2020-02-31T00:00:00Z', 'timestamp', '2 March', notMoment],
  [Number.NaN, 'timestamp', '1970', 'is not a whole number of milliseconds within 2^53 - 1'],
  ['5', 'timestamp', '2001', notMoment],
  [
    '2020-01-01T00:00:00',
    'timestamp',
    'a moment that depends on TZ',
    'has no offset from UTC such as Z or +01:00, without which it is another moment on another machine',
  ],
  ['2021-13-01', 'date', '2022-01-01', notDay],
  ['2021', 'date', '1975-07-15', notDay],
  [new Date(0), 'date', 'the local day', 'is a Date, whose day depends on the time zone: give text'],
  ['10:61', 'time', '11:01', notTime],
  ['ab:cd', 'time', '00:00', notTime],
  ['garbage', 'duration', '0', notDuration],
  ['1.5h', 'duration', '5h', notDuration],
  [{ zip: 1, town: 'x' }, 'address', 'the other fields', 'has "town", which is no field of the type'],
  ['{"zip":1}', 'address', 'all fields unset', 'is text'],
  [new types.Tuple(1, 'a', 2), 'tuple<int, text>', 'two items', 'has 3 items, and the tuple 2'],
  [[1, 2, 3], 'vector<float, 2>', 'an error, or another length', 'has 3 items, and the vector 2'],
  [
    '001122334455-6677-8899-aabb-ccddeeff',
    'uuid',
    'a UUID',
    'is not 32 hexadecimal digits, plain or dashed 8-4-4-4-12',
  ],
  [
    '00112233-4455-4677-8899-aabbccddeeff',
    'timeuuid',
    'bytes that fail at the server',
    'is a UUID of version 4, and a timeuuid is version 1',
  ],
]

const withoutPrototype = (fields: object) => Object.assign(Object.create(null) as object, fields)
const intToA = '0000000100000004000000010000000161'
const listOf1 = '000000010000000400000001'

export const stored: readonly Stored[] = [
  // value, type, what the driver does, our bytes, the value that the server shows
  [2n ** 63n - 1n, 'bigint', 'an error', '7fffffffffffffff', '9223372036854775807'],
  [5n, 'varint', 'an error', '05', '5'],
  ['1e5', 'decimal', '1', 'fffffffb01', '1E+5'],
  [1e21, 'decimal', '1', 'ffffffeb01', '1E+21'],
  ['false', 'boolean', 'true', '00', 'false'],
  [new Map([[1, 'a']]), 'map<int, text>', 'an empty map', intToA, '{"1": "a"}'],
  [withoutPrototype({ 1: 'a' }), 'map<int, text>', 'an error', intToA, '{"1": "a"}'],
  [
    withoutPrototype({ zip: 1 }),
    'address',
    'an error',
    '0000000400000001ffffffff',
    '{"zip": 1, "city": null}',
  ],
  [new Set([1]), 'set<int>', 'an error', listOf1, '[1]'],
  [new Set([1]), 'list<int>', 'an error', listOf1, '[1]'],
  [Uint8Array.of(1, 2), 'blob', 'an error', '0102', '"0x0102"'],
  [[1, 'a'], 'tuple<int, text>', 'an error', '00000004000000010000000161', '[1, "a"]'],
  [[1, 2], 'vector<float, 2>', 'an error', '3f80000040000000', '[1.0, 2.0]'],
  [
    '00112233445566778899AABBCCDDEEFF',
    'uuid',
    'an error',
    '00112233445566778899aabbccddeeff',
    '"00112233-4455-6677-8899-aabbccddeeff"',
  ],
  [[], 'frozen<list<int>>', 'null', '00000000', '[]'],
]
