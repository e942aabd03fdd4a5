import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CqlType, cqlTypeName, parseCqlType, quoteIdentifier } from '../../../lib/table/cqlType.ts'

const text: CqlType = { kind: 'scalar', name: 'text' }
const int: CqlType = { kind: 'scalar', name: 'int' }

const udts: Record<string, { name: string; type: string }[]> = {
  address: [
    { name: 'street', type: 'text' },
    { name: 'tags', type: 'frozen<set<text>>' },
  ],
  'Odd "one"': [{ name: 'at', type: 'address' }],
}
const parse = (cql: string) => parseCqlType(cql, name => udts[name])

const address = (frozen: boolean): CqlType => ({
  kind: 'udt',
  name: 'address',
  frozen,
  fields: [
    { name: 'street', type: text },
    { name: 'tags', type: { kind: 'set', element: text, frozen: true } },
  ],
})

/** Any type that a schema can contain, except user-defined types. */
const anyType: fc.Arbitrary<CqlType> = fc.letrec<{ type: CqlType }>(tie => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .constantFrom('ascii', 'bigint', 'blob', 'duration', 'inet', 'text', 'timeuuid', 'varint')
      .map(name => parse(name)),
    fc
      .tuple(fc.constantFrom('list' as const, 'set' as const), tie('type'), fc.boolean())
      .map(([kind, element, frozen]): CqlType => ({ kind, element, frozen })),
    fc
      .tuple(tie('type'), tie('type'), fc.boolean())
      .map(([key, value, frozen]): CqlType => ({ kind: 'map', key, value, frozen })),
    fc
      .array(tie('type'), { minLength: 1, maxLength: 4 })
      .map((elements): CqlType => ({ kind: 'tuple', elements })),
    fc
      .tuple(tie('type'), fc.integer({ min: 1, max: 8192 }))
      .map(([element, dimension]): CqlType => ({ kind: 'vector', element, dimension })),
  ),
})).type

describe('the text of a type', () => {
  it.each<[string, CqlType]>([
    ['int', int],
    ['varchar', text],
    ['list<int>', { kind: 'list', element: int, frozen: false }],
    ['frozen<list<int>>', { kind: 'list', element: int, frozen: true }],
    [
      'map<text, frozen<set<int>>>',
      {
        kind: 'map',
        key: text,
        value: { kind: 'set', element: int, frozen: true },
        frozen: false,
      },
    ],
    ['frozen<tuple<int, text>>', { kind: 'tuple', elements: [int, text] }],
    ['vector<int, 3>', { kind: 'vector', element: int, dimension: 3 }],
    ['address', address(false)],
    ['frozen<address>', address(true)],
    ['list<frozen<address>>', { kind: 'list', element: address(true), frozen: false }],
  ])('%s is parsed', (cql, type) => {
    expect(parse(cql)).toEqual(type)
  })

  it('may have a user-defined type whose name needs quotes, which is resolved to its fields', () => {
    expect(parse('frozen<"Odd ""one""">')).toMatchObject({
      kind: 'udt',
      name: '"Odd ""one"""',
      frozen: true,
      fields: [{ name: 'at', type: address(false) }],
    })
  })

  it('is the same after it is printed and parsed again', () => {
    fc.assert(
      fc.property(anyType, type => {
        expect(parse(cqlTypeName(type))).toEqual(type)
      }),
    )
  })

  it('may have any spaces', () => {
    fc.assert(
      fc.property(anyType, type => {
        expect(parse(cqlTypeName(type).replaceAll(/[<>,]/g, ' $& '))).toEqual(type)
      }),
    )
  })

  it.each([
    ['a counter', 'counter'],
    ['a custom class', "'org.example.OwnType'"],
    ['unknown', 'point'],
    ['empty', ''],
    ['cut off', 'list<int'],
    ['more than one type', 'int int'],
    ['a list of two types', 'list<int, text>'],
    ['a map of one type', 'map<int>'],
    ['an unknown type inside a known one', 'list<frozen<point>>'],
    ['a known name with arguments, which it does not take', 'address<int>'],
  ])('is unsupported as a whole if it is %s', (_, cql) => {
    expect(parse(cql)).toEqual({ kind: 'unsupported', text: cql })
  })
})

describe('a quoted identifier', () => {
  it('has doubled quotes and is otherwise unchanged', () => {
    expect(quoteIdentifier('Order')).toBe('"Order"')
    expect(quoteIdentifier('a"b')).toBe('"a""b"')
    expect(quoteIdentifier('"; DROP TABLE t; --')).toBe('"""; DROP TABLE t; --"')
  })

  it('never ends before its last character, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', 'a', 'É', ' ', ';', "'") }), name => {
        const inside = quoteIdentifier(name).slice(1, -1)
        expect(inside.replaceAll('""', '')).not.toContain('"')
        expect(inside.replaceAll('""', '"')).toBe(name)
      }),
    )
  })
})
