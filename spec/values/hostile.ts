import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import type { ScalarName } from '../../lib/table/cqlType.ts'
import type { Meaning } from './meaning.ts'
import { meaningAs } from './oracle.ts'
import { scalarSamples } from './scalars.ts'

/** A value that may be bad, and the only meaning with which it may be stored. Undefined if it must be refused. */
export interface Trial {
  readonly given: unknown
  readonly meaning: Meaning | undefined
}

const integerEdges = [7n, 8n, 15n, 16n, 31n, 32n, 53n, 63n, 64n].flatMap(bits =>
  [-2n, -1n, 0n, 1n, 2n].flatMap(n => [2n ** bits + n, -(2n ** bits) + n]),
)

/** Values at the limits of some type, in any form. */
const edges = fc
  .constantFrom(...integerEdges)
  .chain(edge =>
    fc.constantFrom<unknown>(
      edge,
      Number(edge),
      String(edge),
      `${edge}.0`,
      `${edge}e0`,
      `${edge}n`,
      types.Integer.fromString(String(edge)),
      BigInt.asIntN(64, edge) === edge ? types.Long.fromString(String(edge)) : edge,
    ),
  )

const texts = fc.constantFrom(
  ...[
    '',
    ' ',
    '0',
    '-0',
    '+1',
    '1_000',
    '1,5',
    '.5',
    '5.',
    '0x10',
    '0b1',
    '1e3',
    '1E+3',
    '1e',
    '١',
    '½',
    '1 ',
    ' 1',
    '1\n',
  ],
  ...[
    'NaN',
    'Infinity',
    '-Infinity',
    '+Infinity',
    'nan',
    'null',
    'undefined',
    'true',
    'TRUE',
    'False',
    'yes',
    '[]',
    '{}',
  ],
  ...[
    '1e39',
    '3.4028236e38',
    '1e-46',
    '1e309',
    '1e-325',
    '1e2147483647',
    '1e2147483649',
    '1e-2147483648',
    '0e99999999999',
  ],
  ...[
    '2020-02-29',
    '2021-02-29',
    '1900-02-29',
    '2000-02-29',
    '2021-13-01',
    '2021-00-10',
    '2021-04-31',
    '2021-1-1',
    '-0000-01-01',
  ],
  ...[
    '20210101',
    '2021-001',
    '2021-W01-1',
    '02021-01-01',
    '+02021-01-01',
    '+10000-01-01',
    '+5881580-07-12',
    '-5877641-06-22',
  ],
  ...[
    '2021-02-29T00:00:00Z',
    '2020-02-29T23:59:59.999Z',
    '2020-01-01T24:00:00Z',
    '2020-01-01T23:59:60Z',
    '2020-01-01T00:00:00',
  ],
  ...[
    '2020-01-01T00:00:00.0001Z',
    '2020-01-01T00:00:00.0000Z',
    '2020-01-01T00Z',
    '2020-01-01T00:00+24:00',
    '2020-01-01Z',
    '2020-01-01T',
    '2020-01-01T00:00.5Z',
    '2020-01-01-05',
    '2020-01-01 +0100[Europe/Paris]',
    '2020-01-01T00:00:00+01:00:30',
    '2020-01-01T00:00[UTC]',
    '2020-01-01 00:00:00 +1000',
    '2020-01-01T00:00Z[a][b]',
    '2020-01-01T00:00Z[a',
  ],
  ...[
    '2020-01-01T00:00:00+05:30',
    '2020-01-01 00:00-0800',
    '2020-01-01T00:00+05',
    '+275760-09-13T00:00:00.001Z',
    '5',
  ],
  ...[
    '10:61',
    '24:00',
    '23:59:60',
    '1:00',
    '10',
    '10:00:00.',
    '10:00:00.1234567890',
    '10:00:00,5',
    'ab:cd',
    '-1:00',
    '00:00:00.5',
  ],
  ...[
    'P',
    'PT',
    'P1',
    '1.5h',
    'PT1.5H',
    'PT1.5S',
    'P1Y2W',
    '1d1y',
    '1h1h',
    '-',
    '-1h',
    '--1h',
    '1x',
    'P0001-02-03T04:05:06',
    '1µs',
  ],
  ...[
    '999.1.1.1',
    '1.2.3',
    '01.2.3.4',
    '1.2.3.4.',
    '1:2:3',
    '::',
    ':::',
    '::1%eth0',
    '::ffff:1.2.3.4',
    '::1.2.3',
    '1::2::3',
    'g::',
  ],
  ...[
    '00112233-4455-6677-8899-aabbccddeeff',
    '{00112233-4455-1677-8899-aabbccddeeff}',
    '00112233445566778899aabbccddeeff',
  ],
  ...[
    '001122334455-6677-8899-aabb-ccddeeff',
    '00112233-4455-1677-8899-aabbccddeef',
    '00112233-4455-4677-8899-aabbccddeeff',
  ],
  ...[
    '0x',
    '0x0',
    '0xfg',
    '0Xab',
    'abcd',
    'AQID',
    '\\x00',
    'a\ud800',
    '\udc00',
    '\ud83d\ude00',
    '\ud83d',
    'é',
    '\u007f',
    '\u0080',
  ],
)

class Named {
  readonly low = 1
}

const objects = fc.constantFrom<unknown>(
  ...[
    true,
    false,
    [],
    [1],
    ['1'],
    {},
    { toString: () => '5' },
    { valueOf: () => 5 },
    Object.create(null),
    new Named(),
  ],
  ...[
    () => 1,
    Symbol('s'),
    Promise.resolve(1),
    new Number(1),
    new String('1'),
    new Boolean(true),
    /x/,
    new Error('x'),
  ],
  ...[
    new Date(0),
    new Date(Number.NaN),
    new Date(8.64e15),
    new Map(),
    new Set([1]),
    new Proxy({}, {}),
    Buffer.from('1'),
  ],
  ...[
    new Uint8Array(16),
    new Uint8Array(4),
    new ArrayBuffer(1),
    new DataView(new ArrayBuffer(8)),
    Float32Array.of(1),
  ],
  ...[{ low: 1, high: 2 }, { low: 1.5, high: 0, unsigned: false }, { buffer: Buffer.alloc(16) }],
  ...[
    types.Uuid.fromString('00112233-4455-4677-8899-aabbccddeeff'),
    types.InetAddress.fromString('::1'),
    types.TimeUuid.now(),
  ],
  ...[new types.LocalDate(2020, 1, 1), types.LocalTime.fromString('10:00:00'), new types.Duration(1, -1, 0)],
  ...[
    types.BigDecimal.fromString('1.50'),
    new types.Tuple(1),
    new types.Vector([1]),
    new types.Duration(2 ** 31, 0, 0),
  ],
  ...[
    Temporal.PlainDate.from('2020-01-01'),
    Temporal.PlainTime.from('10:00'),
    Temporal.Duration.from('PT1H'),
  ],
  ...[Temporal.Instant.from('2020-01-01T00:00:00.000001Z'), Temporal.PlainDateTime.from('2020-01-01T00:00')],
  ...[Temporal.Duration.from({ years: 178_956_971 }), Temporal.Instant.from('2020-01-01T00:00:00.001Z')],
  new Proxy(
    {},
    { get: () => Number('x').toString(99), getPrototypeOf: () => Number('x').toString(99) as never },
  ),
)

const numbers = fc.oneof(
  fc.double(),
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -0,
    1.5,
    1e21,
    5e-324,
    3.5e38,
    3.4028235677973366e38,
    1e-46,
    1e308,
    0.1,
  ),
)

/** Characters of valid values, and some that only look like them. */
const characters = fc.constantFrom(...'0129-+:. TZtzeEpPxXfFgµ%_,"\n\u0000é\ud800٣')

/** Text of a valid value with a missing, added, changed or doubled character, or in another case. */
function damaged(name: ScalarName): fc.Arbitrary<unknown> {
  const valid = scalarSamples[name].map(({ given }) => given).filter(given => typeof given === 'string')
  return fc.tuple(valid, fc.nat(), characters, fc.nat({ max: 6 })).map(([text, place, character, way]) => {
    const at = text.length === 0 ? 0 : place % text.length
    const [before, after] = [text.slice(0, at), text.slice(at + 1)]
    const here = text[at] ?? ''
    return [
      before + after,
      before + character + here + after,
      before + character + after,
      before + here + here + after,
      before,
      before + (here === here.toUpperCase() ? here.toLowerCase() : here.toUpperCase()) + after,
      before + (after[0] ?? '') + here + after.slice(1),
    ][way]
  })
}

const hasText = (name: ScalarName) => name !== 'boolean'

/** Bad and borderline values of a scalar type. */
export function hostileTrials(name: ScalarName): fc.Arbitrary<Trial> {
  const everywhere = [
    { weight: 2, arbitrary: edges as fc.Arbitrary<unknown> },
    { weight: 3, arbitrary: texts as fc.Arbitrary<unknown> },
    { weight: 2, arbitrary: objects },
    { weight: 1, arbitrary: numbers as fc.Arbitrary<unknown> },
  ]
  const own = hasText(name) ? [{ weight: 6, arbitrary: damaged(name) }] : []
  return fc.oneof(...everywhere, ...own).map(given => ({ given, meaning: meaningAs(name, given) }))
}
