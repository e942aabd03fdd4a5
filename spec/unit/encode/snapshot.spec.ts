import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { snapshotOf } from '../../../lib/encode/snapshot.ts'

describe('a copy of a row', () => {
  it('is equal to the row, however deep it goes', () => {
    const value = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: true,
    })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), row => {
        expect(snapshotOf(row)).toStrictEqual(row)
      }),
    )
  })

  it.each<[string, unknown, (row: never) => void, unknown]>([
    ['an object', { a: { b: 1 } }, (row: { a: { b: number } }) => (row.a.b = 2), { a: { b: 1 } }],
    ['an array', { a: [1] }, (row: { a: number[] }) => row.a.push(2), { a: [1] }],
    [
      'a Map',
      { m: new Map([[1, [1]]]) },
      (row: { m: Map<number, number[]> }) => row.m.get(1)?.push(2),
      {
        m: new Map([[1, [1]]]),
      },
    ],
    ['a Set', { s: new Set([1]) }, (row: { s: Set<number> }) => row.s.add(2), { s: new Set([1]) }],
    ['a Date', { d: new Date(1) }, (row: { d: Date }) => row.d.setTime(2), { d: new Date(1) }],
    ['a Buffer', { b: Buffer.from([1]) }, (row: { b: Buffer }) => row.b.fill(2), { b: Buffer.from([1]) }],
    [
      'a Float32Array',
      { f: Float32Array.of(1) },
      (row: { f: Float32Array }) => row.f.fill(2),
      {
        f: Float32Array.of(1),
      },
    ],
  ])('does not change when %s inside the row does', (_, row, change, before) => {
    const copy = snapshotOf(row)
    change(row as never)
    expect(row).not.toEqual(before)
    expect(copy).toEqual(before)
  })

  it('does not change when an ArrayBuffer inside the row does', () => {
    const bytes = Uint8Array.of(1)
    const copy = snapshotOf({ b: bytes.buffer }) as { b: ArrayBuffer }
    bytes.fill(2)
    expect([...new Uint8Array(copy.b)]).toEqual([1])
  })

  it('keeps instances of classes, which are values, but copies a row that is one', () => {
    class Order {
      id = types.Uuid.random()
      items = ['tea']
    }
    const order = new Order()
    const copy = snapshotOf(order) as Order
    expect(copy).toBeInstanceOf(Order)
    expect(copy).not.toBe(order)
    expect(copy.id).toBe(order.id)
    order.items.push('cup')
    expect(copy.items).toEqual(['tea'])
  })

  it('keeps a cycle for the encoder to refuse', () => {
    const row: Record<string, unknown> = { id: 1 }
    row['self'] = row
    expect(snapshotOf(row)).toMatchObject({ id: 1, self: row })
  })

  it('keeps what cannot be read, for the encoder to report', () => {
    const row = {
      get a() {
        throw new Error('lazy loading failed')
      },
    }
    expect(snapshotOf(row)).toBe(row)
  })

  it('has an own __proto__ as a property and not as a prototype', () => {
    const copy = snapshotOf(JSON.parse('{"__proto__": {"a": 1}}')) as object
    expect(Object.keys(copy)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  })

  it.each([[1], ['text'], [null], [undefined], [7n], [true]])(
    'is %s itself where there is nothing to copy',
    value => {
      expect(snapshotOf(value)).toBe(value)
    },
  )
})
