import { describe, expect, it } from 'vitest'
import { faultIn } from '../../lib/json.ts'

/** Nested objects, each of which refers to the next one twice. */
function doubled(levels: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = { a: value, b: value }
  return value
}

const looped: unknown[] = []
looped.push(looped, looped)

describe('what JSON cannot hold', () => {
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [5n, 'a BigInt (use String() of it)'],
    [{ offsets: [{ 'p-1': 1 }, { 'p-2': 5n }] }, 'a BigInt (use String() of it) at `.offsets[1].p-2`'],
    [Number.NaN, 'NaN'],
    [-0, '-0'],
    [new Date(0), 'a Date (use toISOString() of it)'],
    [Promise.resolve(1), 'a Promise (it must not be async)'],
    [() => 0, 'a function'],
    [Symbol('s'), 'a symbol'],
    [new Map(), 'an object that is not plain'],
    [{ toJSON: 1 }, 'an object that is not plain'],
    [Array(2), 'undefined at `[0]`'],
  ])('is named: %s', (value, name) => {
    expect(faultIn(value)).toBe(name)
  })

  it.each<[string, unknown]>([
    ['a value with shared parts that would fill memory if expanded', doubled(60)],
    ['a value that contains itself twice', looped],
    ['an array whose length exceeds memory', Array(2 ** 32 - 1)],
  ])('is found in limited time in %s', (_, value) => {
    expect(faultIn(value)).toBeTypeOf('string')
  })

  it('is nothing in plain values', () => {
    expect(faultIn({ a: [1, 'x', null, true, { b: [] }], c: Object.create(null) })).toBeUndefined()
    expect(faultIn(doubled(10))).toBeUndefined()
  })
})
