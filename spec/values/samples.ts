import fc from 'fast-check'
import type { CqlType } from '../../lib/table/cqlType.ts'
import { identityText, type Meaning, sorted } from './meaning.ts'
import { distantTimestamps, type Sample, scalarSamples } from './scalars.ts'

/** Values of scalars, also of timestamps beyond the range of Date, which the driver cannot read. */
export const distantSamples: typeof scalarSamples = {
  ...scalarSamples,
  timestamp: fc.oneof(scalarSamples.timestamp, distantTimestamps),
}

/** Valid values of any type, in every form that the type accepts. */
export function samplesOf(type: CqlType, scalars = scalarSamples): fc.Arbitrary<Sample> {
  const samples = (part: CqlType) => samplesOf(part, scalars)
  switch (type.kind) {
    case 'scalar':
      return scalars[type.name]
    case 'list':
      return fc
        .tuple(fc.array(samples(type.element), { maxLength: 4 }), fc.nat({ max: 2 }))
        .map(([items, form]) => ({ given: inForm(given(items), form), meaning: meanings(items) }))
    case 'set': {
      const elements = fc.uniqueArray(samples(type.element), {
        maxLength: 4,
        selector: ({ meaning }) => identityText(type.element, meaning),
      })
      return fc.tuple(elements, fc.nat({ max: 2 })).map(([items, form]) => ({
        given: inForm(given(items), 2 - form),
        meaning: sorted(meanings(items)),
      }))
    }
    case 'map':
      return mapSamples(type.key, type.value, samples)
    case 'tuple':
      return fc.tuple(...type.elements.map(element => nullable(samples(element)))).map(items => ({
        given: given(items),
        meaning: meanings(items),
      }))
    case 'vector': {
      const length = { minLength: type.dimension, maxLength: type.dimension }
      return fc.tuple(fc.array(samples(type.element), length), fc.boolean()).map(([items, typed]) => {
        const values = given(items)
        const floats = type.element.kind === 'scalar' && type.element.name === 'float'
        return {
          given: typed && floats ? Float32Array.from(meanings(items).map(Number)) : values,
          meaning: meanings(items),
        }
      })
    }
    case 'udt':
      return fc
        .tuple(fc.tuple(...type.fields.map(field => nullable(samples(field.type)))), fc.boolean())
        .map(([items, asMap]) => {
          const entries = type.fields
            .map((field, i): [string, unknown] => [field.name, items[i]?.given])
            .filter(([, value]) => value !== undefined)
          return {
            given: asMap ? new Map(entries.toReversed()) : Object.fromEntries(entries),
            meaning: meanings(items),
          }
        })
    case 'unsupported':
      throw new Error(`No value has the type ${type.text}`)
  }
}

/** An iterable that is neither an Array nor a Set. */
class Sequence {
  readonly #items: readonly unknown[]

  constructor(items: readonly unknown[]) {
    this.#items = items
  }

  *[Symbol.iterator](): Iterator<unknown> {
    yield* this.#items
  }
}

/** A Set, and a Map for its keys, turns -0 into 0 by itself. */
const isMinusZero = (item: unknown) => Object.is(item, -0)

function inForm(items: unknown[], form: number): unknown {
  if (form === 2 && new Set(items).size === items.length && !items.some(isMinusZero)) return new Set(items)
  return form === 1 ? new Sequence(items) : items
}

function mapSamples(
  key: CqlType,
  value: CqlType,
  samples: (type: CqlType) => fc.Arbitrary<Sample>,
): fc.Arbitrary<Sample> {
  // A key that JSON shows as null would hide another key.
  const keys = samples(key).filter(sample => hasNoInfinity(sample) && !isMinusZero(sample.given))
  const entry = fc.tuple(keys, samples(value))
  const entries = fc.uniqueArray(entry, {
    maxLength: 4,
    selector: ([{ meaning }]) => identityText(key, meaning),
  })
  const isNamed = key.kind === 'scalar' && ['ascii', 'text', 'int', 'varint', 'timeuuid'].includes(key.name)
  return fc.tuple(entries, fc.nat({ max: 3 })).map(([pairs, form]) => {
    const names = Object.fromEntries(pairs.map(([name, item]) => [String(name.meaning), item.given]))
    const given = pairs.map(([name, item]) => [name.given, item.given] as const)
    const forms = [
      new Map(given),
      given,
      names,
      Object.defineProperties(Object.create(null) as object, Object.getOwnPropertyDescriptors(names)),
    ]
    return {
      given: forms[isNamed ? form : form % 2],
      meaning: sorted(pairs.map(([name, item]) => [name.meaning, item.meaning])),
    }
  })
}

function nullable(samples: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> {
  const nothing = fc.constantFrom(null, undefined).map((absent): Sample => ({ given: absent, meaning: null }))
  return fc.oneof({ weight: 1, arbitrary: nothing }, { weight: 4, arbitrary: samples })
}

function given(items: readonly Sample[]): unknown[] {
  return items.map(item => item.given)
}

function meanings(items: readonly Sample[]): Meaning[] {
  return items.map(item => item.meaning)
}

function hasNoInfinity({ meaning }: Sample): boolean {
  return !/"-?Infinity"|"NaN"|"-0"/.test(JSON.stringify(meaning))
}
