import { describe, expect, it } from 'vitest'
import { holdsIterator, snapshotOf } from '../../../lib/row/snapshot.ts'

function* numbers() {
  yield 1
}

describe('a row', () => {
  it.each([
    ['a generator', { a: numbers() }],
    ['the keys of a Map', { a: new Map([[1, 2]]).keys() }],
    ['a generator in a list', { a: [[numbers()]] }],
    ['a generator in a Map', { a: new Map([['x', numbers()]]) }],
  ])('with %s can be read only once', (_, row) => {
    expect(holdsIterator(row)).toBe(true)
  })

  it.each([
    ['arrays, Sets and Maps', { a: [1], b: new Set([1]), c: new Map([[1, [2]]]) }],
    ['bytes', { a: Buffer.from('x'), b: new Float32Array(2) }],
    ['no properties', {}],
  ])('with %s can be read again', (_, row) => {
    expect(holdsIterator(row)).toBe(false)
  })

  it('whose objects refer to each other is copied once per object, not once per path', () => {
    const all: Record<string, unknown>[] = []
    for (let i = 0; i < 2_000; i++) all.push({ i, links: all.slice(-3) })
    for (const entity of all) entity['first'] = all[0]
    const copy = snapshotOf({ id: 1, entity: all.at(-1) }) as { entity: Record<string, unknown> }
    expect(copy.entity === all.at(-1)).toBe(false)
    expect(copy.entity['i']).toBe(1_999)
  })
})
