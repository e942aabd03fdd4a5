import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Lanes } from '../../../lib/read/lanes.ts'

/** Parts with these numbers of batches. A batch has its part and its index in the part. */
function lanesOf(sizes: readonly number[], count: number, inOrder: boolean) {
  let read = 0
  const lanes = new Lanes(
    sizes.entries(),
    async function* ([part, size]: [number, number]) {
      for (let i = 0; i < size; i++) {
        // Some batches come later than others.
        for (let turns = (part * 7 + i * 3) % 5; turns > 0; turns--) await turn()
        read++
        yield `${part}.${i}`
      }
    },
    count,
    inOrder,
  )
  return { lanes, read: () => read }
}

const sizes = [3, 0, 10, 1, 1, 0, 5, 40, 2]
const all = sizes.flatMap((size, part) => Array.from({ length: size }, (_, i) => `${part}.${i}`))

async function drain(lanes: { next(): Promise<string | undefined> }): Promise<string[]> {
  const found: string[] = []
  for (let next = await lanes.next(); next !== undefined; next = await lanes.next()) found.push(next)
  return found
}

describe('lanes', () => {
  it.each([1, 2, 4, 16])(
    'return all parts one after the other if they are in order, %i at a time',
    async count => {
      expect(await drain(lanesOf(sizes, count, true).lanes)).toEqual(all)
    },
  )

  it.each([1, 4])('return each batch once if they are not in order, %i at a time', async count => {
    expect((await drain(lanesOf(sizes, count, false).lanes)).sort()).toEqual(all.toSorted())
  })

  it.each([
    [true, [1, 1, 1, ...new Array(1000).fill(1)]],
    [true, [500, 500, 500]],
    [false, [500, 500, 500]],
  ])('read no further while nobody asks, in order: %s', async (inOrder, many) => {
    const { lanes, read } = lanesOf(many, 4, inOrder)
    await lanes.next()
    for (let i = 0; i < 200; i++) await turn()
    expect(read()).toBeLessThanOrEqual(1 + 4 + 4)
    lanes.stop()
  })

  it('fail with the error of one of them', async () => {
    const lanes = new Lanes(
      [1, 2, 3],
      async function* (part) {
        yield String(part)
        if (part === 2) throw new Error('gone')
      },
      1,
      true,
    )
    await expect(drain(lanes)).rejects.toThrow('gone')
  })
})
