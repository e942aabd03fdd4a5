import { types } from 'cassandra-driver'
import fc from 'fast-check'
import type { CqlType, ScalarName } from '../../../lib/table/cqlType.ts'

/** A value as a user gives it, and its plain meaning, in which what the driver reads back is compared. */
export interface Sample {
  readonly given: unknown
  readonly meaning: unknown
}

function integers(bits: bigint): fc.Arbitrary<Sample> {
  const all = fc.bigInt({ min: -(2n ** bits), max: 2n ** bits - 1n })
  const edges = fc.constantFrom(-(2n ** bits), 2n ** bits - 1n, 0n, -1n)
  return fc.tuple(fc.oneof(all, edges), fc.nat({ max: 3 })).map(([value, form]) => {
    const text = String(value)
    const small = Number.isSafeInteger(Number(value))
    const given = [value, small ? Number(value) : value, text, types.Integer.fromString(text)][form]
    return { given, meaning: text }
  })
}

function samples<T>(
  arbitrary: fc.Arbitrary<T>,
  given: (value: T) => unknown,
  meaning: (value: T) => unknown,
): fc.Arbitrary<Sample> {
  return arbitrary.map(value => ({ given: given(value), meaning: meaning(value) }))
}

const same = (value: unknown): unknown => value
const printed = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))
const bytes16 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map(bytes => Buffer.from(bytes).toString('hex'))
const dayNumber = fc.integer({ min: -100_000_000, max: 100_000_000 })

/** Valid values of every scalar type. */
export const scalarSamples: Record<ScalarName, fc.Arbitrary<Sample>> = {
  ascii: samples(fc.string({ unit: 'binary-ascii' }), same, same),
  bigint: integers(63n),
  blob: samples(fc.uint8Array(), same, bytes => Buffer.from(bytes).toString('hex')),
  boolean: samples(fc.boolean(), same, same),
  date: samples(
    dayNumber,
    n => new Date(n * 86_400_000).toISOString().split('T')[0],
    n => n,
  ),
  decimal: samples(
    fc.tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -40, max: 40 })),
    ([unscaled, scale]) => `${unscaled}e${-scale}`,
    ([unscaled, scale]) => `${unscaled}e${-scale}`,
  ),
  double: samples(fc.double(), same, printed),
  duration: samples(
    fc.tuple(fc.nat(), fc.nat(), fc.nat()),
    ([m, d, n]) => `${m}mo${d}d${n}ns`,
    ([m, d, n]) => `${m} ${d} ${n}`,
  ),
  float: samples(fc.float(), same, printed),
  inet: samples(fc.ipV4(), same, same),
  int: integers(31n),
  smallint: integers(15n),
  text: samples(fc.string({ unit: 'binary' }), same, same),
  time: samples(fc.bigInt({ min: 0n, max: 86_399_999_999_999n }), same, String),
  timestamp: samples(
    fc.date({ noInvalidDate: true }),
    date => date.toISOString(),
    date => date.getTime(),
  ),
  timeuuid: samples(
    bytes16,
    hex => `${hex.slice(0, 12)}1${hex.slice(13)}`,
    hex => `${hex.slice(0, 12)}1${hex.slice(13)}`,
  ),
  tinyint: integers(7n),
  uuid: samples(bytes16, hex => hex.toUpperCase(), same),
  varint: integers(200n),
}

/** Types whose values are equal to Cassandra only where their meanings are. */
const keyNames = [
  'ascii',
  'bigint',
  'blob',
  'boolean',
  'date',
  'float',
  'int',
  'text',
  'time',
  'timestamp',
  'uuid',
  'varint',
] as const

const scalarType = fc
  .constantFrom(...(Object.keys(scalarSamples) as ScalarName[]))
  .map((name): CqlType => ({ kind: 'scalar', name }))
const keyType = fc.constantFrom(...keyNames).map((name): CqlType => ({ kind: 'scalar', name }))

/** Types nested to a small depth. */
export const nestedType: fc.Arbitrary<CqlType> = fc.letrec<{ type: CqlType }>(tie => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalarType,
    tie('type').map((element): CqlType => ({ kind: 'list', element, frozen: true })),
    keyType.map((element): CqlType => ({ kind: 'set', element, frozen: true })),
    fc
      .tuple(keyType, tie('type'))
      .map(([key, value]): CqlType => ({ kind: 'map', key, value, frozen: true })),
    fc
      .array(tie('type'), { minLength: 1, maxLength: 3 })
      .map((elements): CqlType => ({ kind: 'tuple', elements })),
    fc
      .tuple(tie('type'), fc.integer({ min: 1, max: 4 }))
      .map(([element, dimension]): CqlType => ({ kind: 'vector', element, dimension })),
    fc.array(tie('type'), { minLength: 1, maxLength: 3 }).map((all): CqlType => {
      const fields = all.map((type, i) => ({
        name: ['constructor', 'toString', 'Zip code'][i] as string,
        type,
      }))
      return { kind: 'udt', name: 'thing', fields, frozen: true }
    }),
  ),
})).type

/** Valid values of any type. */
export function samplesOf(type: CqlType): fc.Arbitrary<Sample> {
  switch (type.kind) {
    case 'scalar':
      return scalarSamples[type.name]
    case 'list':
      return sequence(fc.array(samplesOf(type.element), { maxLength: 4 }))
    case 'set':
      return sequence(fc.uniqueArray(samplesOf(type.element), { maxLength: 4, selector: meaningText })).map(
        sample => ({
          given: new Set(sample.given as unknown[]),
          meaning: sample.meaning,
        }),
      )
    case 'map':
      return mapSamples(type.key, type.value)
    case 'tuple':
      return sequence(fc.tuple(...type.elements.map(nullable)))
    case 'vector': {
      const length = { minLength: type.dimension, maxLength: type.dimension }
      return sequence(fc.array(samplesOf(type.element).filter(hasNoInfinity), length))
    }
    case 'udt':
      return sequence(fc.tuple(...type.fields.map(field => nullable(field.type)))).map(
        ({ given, meaning }) => ({
          given: new Map(type.fields.map((field, i) => [field.name, (given as unknown[])[i]])),
          meaning,
        }),
      )
  }
}

function mapSamples(key: CqlType, value: CqlType): fc.Arbitrary<Sample> {
  const entry = fc.tuple(samplesOf(key), samplesOf(value))
  return fc.uniqueArray(entry, { maxLength: 4, selector: ([name]) => meaningText(name) }).map(entries => ({
    given: new Map(entries.map(([name, item]) => [name.given, item.given])),
    meaning: entries.map(([name, item]) => [name.meaning, item.meaning]),
  }))
}

function nullable(type: CqlType): fc.Arbitrary<Sample> {
  const nothing = fc.constantFrom(null, undefined).map((given): Sample => ({ given, meaning: null }))
  return fc.oneof({ weight: 1, arbitrary: nothing }, { weight: 4, arbitrary: samplesOf(type) })
}

function sequence(arrays: fc.Arbitrary<Sample[]>): fc.Arbitrary<Sample> {
  return arrays.map(items => ({
    given: items.map(item => item.given),
    meaning: items.map(item => item.meaning),
  }))
}

function meaningText(sample: Sample): string {
  return JSON.stringify(sample.meaning)
}

function hasNoInfinity({ given }: Sample): boolean {
  return typeof given !== 'number' || Number.isFinite(given)
}
