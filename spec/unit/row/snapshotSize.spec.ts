import { expect, it } from 'vitest'
import { snapshotOf } from '../../../lib/row/snapshot.ts'
import { sizeOfSnapshot } from '../../../lib/row/snapshotSize.ts'

const big = 'x'.repeat(1_000)

it.each([
  ['text', { v: big }, 1_000],
  ['bytes', { v: Buffer.alloc(1_000) }, 1_000],
  ['an ArrayBuffer', { v: new ArrayBuffer(1_000) }, 1_000],
  ['a list', { v: Array.from({ length: 10 }, () => 'x'.repeat(100)) }, 1_000],
  ['a map', { v: new Map([[big, big]]) }, 2_000],
  ['a set', { v: new Set([big]) }, 1_000],
  ['nested objects', { v: { w: { x: big } } }, 1_000],
  ['numbers', { v: Array.from({ length: 125 }, () => 1) }, 1_000],
  ['one object in two places, once', (part => ({ v: part, w: part }))([big]), 1_000],
])('the size of %s is about that of its parts', (_, row, bytes) => {
  const size = sizeOfSnapshot(snapshotOf(row))
  expect(size).toBeGreaterThanOrEqual(bytes)
  expect(size).toBeLessThan(bytes + 200)
})

it('parts that cannot be read, cycles and great depth end no load', () => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  let deep: unknown = 1
  for (let i = 0; i < 20_000; i++) deep = [deep]
  const trap = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no')
      },
    },
  )
  const row = {
    cycle,
    deep,
    trap,
    get v() {
      throw new Error('no')
    },
  }
  expect(sizeOfSnapshot(snapshotOf(row))).toBeGreaterThan(0)
})
