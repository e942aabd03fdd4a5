import { types } from 'cassandra-driver'
import fc from 'fast-check'
import type { CqlType } from '../../lib/table/cqlType.ts'
import { samplesOf } from './samples.ts'

/** A value of a type with parts that is wrong in one place, and what is wrong. A sink must refuse it. */
export interface Corrupted {
  readonly given: unknown
  readonly how: string
}

const absent = fc.constantFrom<unknown>(null, undefined, types.unset)
const wrongWhole = fc.constantFrom<unknown>(
  ...['', '[]', '{}', 1, true, Buffer.from('ab'), new Date(0), Promise.resolve([1]), () => [1], Symbol('s')],
  ...[
    new (class Sub {
      a = 1
    })(),
    types.unset,
    { length: 1, 0: 1 },
    new String('ab'),
    new DataView(new ArrayBuffer(8)),
  ],
)

/** Values of kinds that no type with parts accepts. */
function wholes(type: CqlType): fc.Arbitrary<Corrupted> {
  const takesObjects = type.kind === 'map' || type.kind === 'udt'
  return wrongWhole
    .filter(given => given !== types.unset && !(takesObjects && isPlainObject(given)))
    .map(given => ({ given, how: 'another kind of value' }))
}

function isPlainObject(given: unknown): boolean {
  return typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype
}

/** An Array of valid items with one wrong item. */
function items(type: CqlType, element: CqlType, size: number | undefined): fc.Arbitrary<Corrupted> {
  const length = size === undefined ? { maxLength: 4 } : { minLength: size, maxLength: size }
  const valid = fc.array(
    samplesOf(element).map(({ given }) => given),
    length,
  )
  const wrong = fc.oneof(
    absent.map(item => ({ item, how: String(item === types.unset ? 'unset' : item) })),
    corruptedOf(element).map(({ given, how }) => ({ item: given, how })),
    fc.constant({ item: Symbol.for('hole'), how: 'a hole' }),
  )
  return fc.tuple(valid, wrong, fc.nat()).map(([all, { item, how }, place]) => {
    const at = all.length === 0 ? 0 : place % all.length
    const given = [...all]
    if (how === 'a hole') {
      given.length = Math.max(given.length, 1)
      delete given[at]
    } else given[at] = item
    return { given, how: `${how} in ${type.kind}` }
  })
}

/** Two spellings of an element or key that are equal in Cassandra. */
const twice: Partial<Record<string, readonly [unknown, unknown][]>> = {
  int: [
    [1, '1'],
    [1n, 1],
    ['01', types.Integer.fromNumber(1)],
  ],
  decimal: [
    ['1.0', '1'],
    ['100', '1e2'],
    [0, '0.000'],
  ],
  double: [
    [Number.NaN, 'NaN'],
    [1, '1.0'],
  ],
  text: [['a', 'a']],
  timestamp: [
    [0, '1970-01-01T01:00:00+01:00'],
    [new Date(5), 5n],
  ],
  uuid: [['00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-AABBCCDDEEFF']],
  inet: [
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
  ],
  boolean: [[true, 'TRUE']],
}

function pairsOf(type: CqlType): readonly [unknown, unknown][] {
  return type.kind === 'scalar' ? (twice[type.name] ?? []) : []
}

/** An equal value with another order of elements. */
function reordered(type: CqlType, given: unknown): unknown {
  return type.kind === 'set' ? [...(given as Iterable<unknown>)].reverse() : given
}

/** Bad values of any type, made from good ones. */
export function corruptedOf(type: CqlType): fc.Arbitrary<Corrupted> {
  switch (type.kind) {
    case 'scalar':
      return fc
        .constantFrom<unknown>([], {}, () => 1, Symbol('s'), Promise.resolve(1), new Map(), Number.NaN)
        .filter(given => !(Number.isNaN(given) && (type.name === 'float' || type.name === 'double')))
        .map(given => ({ given, how: `${typeof given} as ${type.name}` }))
    case 'list':
      return fc.oneof(wholes(type), items(type, type.element, undefined))
    case 'set': {
      const doubled = pairsOf(type.element).map(pair => ({ given: [...pair], how: 'one element twice' }))
      const again = samplesOf(type.element).map(({ given }) => ({
        given: [given, reordered(type.element, given)],
        how: 'one element twice',
      }))
      const all = [wholes(type), items(type, type.element, undefined), again]
      return fc.oneof(...all, ...(doubled.length > 0 ? [fc.constantFrom(...doubled)] : []))
    }
    case 'map': {
      const key = samplesOf(type.key).map(({ given }) => given)
      const value = samplesOf(type.value).map(({ given }) => given)
      const entries = fc.oneof(
        fc.tuple(
          key,
          fc.oneof(
            absent,
            corruptedOf(type.value).map(({ given }) => given),
          ),
        ),
        fc.tuple(
          fc.oneof(
            absent,
            corruptedOf(type.key).map(({ given }) => given),
          ),
          value,
        ),
      )
      const wrong = entries.map(entry => ({ given: new Map([entry]), how: 'a wrong key or value' }))
      const doubled = fc
        .tuple(fc.constantFrom(...pairsOf(type.key), ['x', Symbol('none')] as [unknown, unknown]), value)
        .map(([keys, item]) => ({ given: new Map(keys.map(name => [name, item])), how: 'one key twice' }))
      const reorderedKey = fc.tuple(samplesOf(type.key), value).map(([{ given }, item]) => ({
        given: new Map([given, reordered(type.key, given)].map(name => [name, item])),
        how: 'one key in two orders',
      }))
      return fc.oneof(wholes(type), wrong, doubled, ...(type.key.kind === 'set' ? [reorderedKey] : []))
    }
    case 'tuple':
      return fc.oneof(wholes(type), otherLengths(type))
    case 'vector':
      return fc.oneof(wholes(type), otherLengths(type), items(type, type.element, type.dimension))
    case 'udt':
      return fc.oneof(
        wholes(type),
        fc
          .tuple(samplesOf(type), fc.constantFrom('zip', '__proto__', 'Constructor', ''))
          .map(([{ given }, name]) => {
            const entries = given instanceof Map ? [...given] : Object.entries(given as object)
            return { given: new Map([...entries, [name, 1]]), how: 'an unknown field' }
          }),
        ...type.fields.map(field =>
          corruptedOf(field.type).map(({ given, how }) => ({
            given: Object.fromEntries([[field.name, given]]),
            how: `${how} in a field`,
          })),
        ),
      )
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

function otherLengths(type: CqlType): fc.Arbitrary<Corrupted> {
  return fc.tuple(samplesOf(type), fc.constantFrom(-1, 1)).map(([{ given }, change]) => {
    const all = [...(given as Iterable<unknown>)]
    return {
      given: change < 0 ? all.slice(1) : [...all, all[0] ?? 1],
      how: 'another number of items',
    }
  })
}
