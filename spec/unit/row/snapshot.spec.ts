import { runInNewContext } from 'node:vm'
import { types } from 'cassandra-driver'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import { snapshotOf } from '../../../lib/row/snapshot.ts'
import { itUnlessFrozen } from '../../frozen/unlessFrozen.ts'
import { cpuOf } from '../value/cpu.ts'

describe('a copy of a row', () => {
  // fast-check builds objects by assignment.
  itUnlessFrozen('equals the row at any depth', () => {
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
  ])('does not change if %s inside the row changes', (_, row, change, before) => {
    const copy = snapshotOf(row)
    change(row as never)
    expect(row).not.toEqual(before)
    expect(copy).toEqual(before)
  })

  it('does not change if an ArrayBuffer inside the row changes', () => {
    const bytes = Uint8Array.of(1)
    const copy = snapshotOf({ b: bytes.buffer }) as { b: ArrayBuffer }
    bytes.fill(2)
    expect([...new Uint8Array(copy.b)]).toEqual([1])
  })

  it('does not change if shared memory, or a view of it, changes', () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(1)).fill(1)
    const copy = snapshotOf({ b: bytes.buffer, v: bytes }) as { b: ArrayBuffer; v: Uint8Array }
    bytes.fill(2)
    expect([...new Uint8Array(copy.b), ...copy.v]).toEqual([1, 1])
  })

  it('copies only the part of a buffer that a view shows', () => {
    const { v } = snapshotOf({ v: new Uint8Array(1000).subarray(1, 3) }) as { v: Uint8Array }
    expect(v.buffer.byteLength).toBe(2)
  })

  it('does not change if a Map, Set or Date of another realm changes', () => {
    const row = runInNewContext('({ m: new Map([[1, 2]]), s: new Set([1]), d: new Date(1) })')
    const copy = snapshotOf(row) as { m: Map<number, number>; s: Set<number>; d: Date }
    row.m.set(1, 3)
    row.s.add(2)
    row.d.setTime(2)
    expect(copy).toEqual({ m: new Map([[1, 2]]), s: new Set([1]), d: new Date(1) })
  })

  it('does not change if the fields of a driver value change', () => {
    const uuid = types.Uuid.random()
    const text = uuid.toString()
    const row = { uuid, tuple: new types.Tuple([1]), decimal: types.BigDecimal.fromString('1.5') }
    const copy = snapshotOf(row) as typeof row
    uuid.getBuffer().fill(0)
    row.tuple.elements[0].push(2)
    Object.assign(row.decimal, { _scale: 9 })
    expect([String(copy.uuid), copy.tuple.elements, String(copy.decimal)]).toEqual([text, [[1]], '1.5'])
    expect(copy.uuid).toBeInstanceOf(types.Uuid)
  })

  it('has the items that an iterable returned at that time', () => {
    const items = [1]
    const iterable = new (class {
      *[Symbol.iterator]() {
        yield* items
      }
    })()
    const copy = snapshotOf({ iterable, vector: new types.Vector([[3]]) })
    items.push(2)
    expect(copy).toEqual({ iterable: [1], vector: [[3]] })
  })

  it('ends even if an iterable does not', () => {
    const endless = {
      *[Symbol.iterator]() {
        while (true) yield null
      },
    }
    expect((snapshotOf({ endless }) as { endless: unknown[] }).endless.length).toBe(4 * 1024 * 1024 + 1)
  })

  it('keeps the driver’s unset, Temporal values, and instances of classes that no column accepts', () => {
    const row = { unset: types.unset, day: Temporal.PlainDate.from('2026-03-01'), later: Promise.resolve() }
    const copy = snapshotOf(row) as typeof row
    expect(copy.unset).toBe(row.unset)
    expect(copy.day).toBe(row.day)
    expect(copy.later).toBe(row.later)
    expect(snapshotOf(row.later)).toBe(row.later)
  })

  it('copies an instance of a class, which a user-defined type accepts', () => {
    class Money {
      amounts = [1]
    }
    const row = { price: new Money() }
    const copy = snapshotOf(row) as typeof row
    row.price.amounts.push(2)
    expect(copy.price).toEqual(Object.assign(new Money(), { amounts: [1] }))
    expect(copy.price).toBeInstanceOf(Money)
  })

  it('costs the same per part at any depth', () => {
    const nested = (depth: number) => {
      let value: object = Array.from({ length: 20_000 }, () => [])
      for (let i = 0; i < depth; i++) value = { value }
      return value
    }
    snapshotOf(nested(10))
    const [shallow, deep] = [nested(10), nested(1000)]
    expect(cpuOf(() => snapshotOf(deep)) / cpuOf(() => snapshotOf(shallow))).toBeLessThan(6)
  })

  it('copies a row that is an instance of a class', () => {
    class Order {
      items = ['tea']
    }
    const order = new Order()
    const copy = snapshotOf(order) as Order
    expect(copy).toBeInstanceOf(Order)
    order.items.push('cup')
    expect(copy.items).toEqual(['tea'])
  })

  it('keeps a cycle for the encoder to refuse', () => {
    const row: Record<string, unknown> = { id: 1 }
    row['self'] = row
    expect(snapshotOf(row)).toMatchObject({ id: 1, self: row })
  })

  it('throws the error of a getter again, without calling it a second time', () => {
    let asked = 0
    const row = {
      get a() {
        asked++
        throw new Error('lazy loading failed')
      },
      b: new Proxy({}, { ownKeys: () => Number('x').toString(99) as never }),
    }
    const copy = snapshotOf(row) as typeof row
    expect(() => copy.a).toThrow('lazy loading failed')
    expect(() => copy.a).toThrow('lazy loading failed')
    expect(() => Object.keys(copy.b)).toThrow(RangeError)
    expect(asked).toBe(1)
  })

  it('has an own __proto__ as a property and not as its prototype', () => {
    const copy = snapshotOf(JSON.parse('{"__proto__": {"a": 1}}')) as object
    expect(Object.keys(copy)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
  })

  it.each([[1], ['text'], [null], [undefined], [7n], [true]])(
    'is %s itself if there is nothing to copy',
    value => {
      expect(snapshotOf(value)).toBe(value)
    },
  )
})
