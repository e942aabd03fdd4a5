import { types } from 'cassandra-driver'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import { GivenRow } from '../../../lib/row/givenRow.ts'
import { cpuOf } from '../value/cpu.ts'

class Money {
  amounts = [1]
}

/** `[part, part]` of `[part, part]` and so on, as with aliases in YAML: few objects with many paths to each. */
function doubled(depth: number): unknown[] {
  let part: unknown[] = [1]
  for (let i = 0; i < depth; i++) part = [part, part]
  return part
}

/** The result of a function that is called at this depth of the stack. */
function fromDepth<Value>(calls: number, act: () => Value): Value {
  return calls === 0 ? act() : fromDepth(calls - 1, act)
}

function deepest(part: unknown[]): unknown[] {
  return Array.isArray(part[0]) ? deepest(part[0]) : part
}

function cyclic(): object {
  const row: Record<string, unknown> = { id: 1, list: [{ n: 1 }] }
  row['self'] = row
  row['ring'] = [row, [row]]
  return row
}

describe('a row that did not change', () => {
  it.each<[string, object]>([
    ['values of all kinds', { a: Number.NaN, b: -0, c: 'x', d: null, e: undefined, f: 7n, g: types.unset }],
    ['lists, Maps and Sets', { a: [1, [2]], b: new Map([[{ k: 1 }, [1]]]), c: new Set([[1]]) }],
    ['a hole in a list', { a: Array(3) }],
    ['dates', { a: new Date(1), b: new Date(Number.NaN), c: Temporal.PlainDate.from('2026-03-01') }],
    [
      'bytes',
      {
        a: Buffer.from('x'),
        b: Float32Array.of(Number.NaN),
        c: new ArrayBuffer(2),
        d: new DataView(new ArrayBuffer(1)),
      },
    ],
    [
      'values of the driver',
      { a: types.Uuid.random(), b: new types.Tuple(1, [2]), c: types.Long.fromNumber(3) },
    ],
    ['a Vector of the driver', { v: new types.Vector([1, 2], 'float') }],
    [
      'an iterable',
      {
        *[Symbol.iterator]() {
          yield [1]
        },
      },
    ],
    ['an instance of a class', new Money()],
    ['an instance of a class in it', { price: new Money() }],
    [
      'values that no column accepts',
      { a: Promise.resolve(), b: () => 1, c: Symbol('x'), d: /x/, e: Object(1) },
    ],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('lazy loading failed')
        },
      },
    ],
    [
      'a part that cannot be read',
      {
        a: new Proxy(
          {},
          {
            ownKeys: () => {
              throw new Error('closed')
            },
          },
        ),
      },
    ],
    ['cycles', cyclic()],
    ['shared parts', { a: doubled(5), b: doubled(5) }],
    ['no prototype', Object.assign(Object.create(null), { a: 1 })],
  ])('is the given object, with %s', (_, row) => {
    expect(new GivenRow(row).unchanged === row).toBe(true)
  })

  it('is the given value if that is no object', () => {
    for (const row of [1, 'x', null, undefined, Number.NaN]) expect(new GivenRow(row).unchanged).toBe(row)
  })

  it.each([900, 2_000, 20_000])('is the given object, with %i levels', depth => {
    let part: unknown[] = [1]
    for (let i = 0; i < depth; i++) part = [part]
    const row = { id: 1, part }
    const near = new GivenRow(row)
    const far = fromDepth(500, () => new GivenRow(row))
    expect(near.unchanged === row && far.unchanged === row).toBe(true)
    expect(fromDepth(500, () => near.unchanged) === row).toBe(true)
  })

  it('with shared parts costs one comparison per object, not one per path', () => {
    const costOf = (depth: number) => {
      const given = new GivenRow({ id: 1, a: doubled(depth) })
      return cpuOf(() => given.unchanged)
    }
    costOf(9)
    expect(costOf(18) / costOf(9)).toBeLessThan(50)
  })
})

describe('a Symbol property of a row', () => {
  const place = Symbol('place')
  const copyOf = (row: object) => new GivenRow(row).copy as Record<PropertyKey, unknown>

  it('is on the given object if the row did not change', () => {
    const row = { id: 1, [place]: { offset: 77 } }
    expect(new GivenRow(row).unchanged === row).toBe(true)
  })

  it('is in the copy if the row changed', () => {
    const row = { id: 1, [place]: 77 }
    const given = new GivenRow(row)
    Object.assign(row, { id: 2, [place]: 78 })
    expect(given.unchanged).toEqual({ id: 1, [place]: 77 })
  })

  it('has the same object in the copy, because the value may refer to anything', () => {
    const source = { socket: {} }
    expect(copyOf({ id: 1, [place]: source })[place]).toBe(source)
  })

  it('counts as a change of the row if its value is replaced', () => {
    const row = { id: 1, [place]: { offset: 77 } }
    const given = new GivenRow(row)
    row[place] = { offset: 77 }
    expect(given.unchanged === given.copy).toBe(true)
  })

  it('is read once; if that throws, the error is thrown again', () => {
    let asked = 0
    const copy = copyOf({
      id: 1,
      get [place]() {
        asked++
        throw new Error('closed')
      },
    })
    expect(() => copy[place]).toThrow('closed')
    expect(asked).toBe(1)
  })

  it('is not in the copy if it is not enumerable', () => {
    const row = Object.defineProperty({ id: 1 }, place, { value: 77 })
    expect(Reflect.ownKeys(copyOf(row))).toEqual(['id'])
  })
})

describe('a row that changed', () => {
  it.each<[string, () => Record<string, unknown>, (row: never) => void]>([
    ['a value', () => ({ a: 1 }), (row: { a: number }) => (row.a = 2)],
    ['the sign of zero', () => ({ a: 0 }), (row: { a: number }) => (row.a = -0)],
    ['an added property', () => ({ a: 1 }), (row: { b: number }) => (row.b = 2)],
    ['a removed property', () => ({ a: 1, b: 2 }), (row: { b?: number }) => delete row.b],
    [
      'another name',
      () => ({ a: 1 }),
      (row: { a?: number; b: number }) => delete Object.assign(row, { b: 1 }).a,
    ],
    ['an item in a list', () => ({ a: [[1]] }), (row: { a: number[][] }) => row.a[0]?.push(2)],
    ['a list instead of an object', () => ({ a: {} }), (row: { a: object }) => (row.a = [])],
    [
      'a value in a Map',
      () => ({ a: new Map([[1, [1]]]) }),
      (row: { a: Map<number, number[]> }) => row.a.get(1)?.pop(),
    ],
    [
      'a key in a Map',
      () => ({ a: new Map([[[1], 1]]) }),
      (row: { a: Map<number[], number> }) => [...row.a.keys()][0]?.pop(),
    ],
    ['a Set', () => ({ a: new Set([1]) }), (row: { a: Set<number> }) => row.a.add(2)],
    ['a Date', () => ({ a: new Date(1) }), (row: { a: Date }) => row.a.setTime(2)],
    [
      'a Temporal',
      () => ({ a: Temporal.PlainDate.from('2026-03-01') }),
      (row: { a: unknown }) => (row.a = Temporal.PlainDate.from('2026-03-02')),
    ],
    ['a Buffer', () => ({ a: Buffer.from('x') }), (row: { a: Buffer }) => row.a.fill(0)],
    [
      'an ArrayBuffer',
      () => ({ a: new ArrayBuffer(2) }),
      (row: { a: ArrayBuffer }) => new Uint8Array(row.a).fill(1),
    ],
    [
      'a transferred buffer',
      () => ({ a: new Uint8Array(2) }),
      (row: { a: Uint8Array<ArrayBuffer> }) => structuredClone(row.a.buffer, { transfer: [row.a.buffer] }),
    ],
    [
      'a Vector',
      () => ({ a: new types.Vector([1, 2]) }),
      (row: { a: { elements: number[] } }) => (row.a.elements[1] = 3),
    ],
    ['a field of an instance', () => ({ a: new Money() }), (row: { a: Money }) => row.a.amounts.push(2)],
    [
      'another class',
      () => ({ a: new Money() }),
      (row: { a: object }) => Object.setPrototypeOf(row.a, Object.prototype),
    ],
    ['a shared part', () => ({ a: doubled(30) }), (row: { a: unknown[] }) => deepest(row.a).push(2)],
    [
      'a part within a cycle',
      () => cyclic() as never,
      (row: { list: { n: number }[] }) => ((row.list[0] as { n: number }).n = 2),
    ],
  ])('is the copy, after %s', (_, make, change) => {
    const row = make()
    const given = new GivenRow(row)
    change(row as never)
    expect(given.unchanged === given.copy).toBe(true)
  })

  it('is the copy if an iterator was read to its end', () => {
    function* numbers() {
      yield 1
    }
    expect(new GivenRow({ a: numbers() }).unchanged).toEqual({ a: [1] })
  })
})
