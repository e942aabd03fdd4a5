import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RingWalk } from '../../../lib/read/ringWalk.ts'
import { rangesBetween } from '../../../lib/read/tokenRanges.ts'

const LOWEST = -(2n ** 63n)
const HIGHEST = 2n ** 63n - 1n
const token = fc.bigInt({ min: LOWEST, max: HIGHEST })

describe('a walk through the ring', () => {
  it('has every token above a place once, in order, each part within one range, whatever it learns', () => {
    const above = fc.option(fc.oneof(token, fc.constantFrom(LOWEST, LOWEST + 1n, HIGHEST - 1n)), {
      nil: undefined,
    })
    const rows = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 10_000_000 })), {
      maxLength: 200,
    })
    const ring = fc.array(token, { maxLength: 50 })
    const splits = fc.integer({ min: 1, max: 1000 })
    fc.assert(
      fc.property(ring, splits, above, rows, (tokens, count, from, learned) => {
        const ranges = rangesBetween(tokens)
        const walk = new RingWalk(ranges, count, from)
        const left = learned.values()
        let at = from ?? LOWEST
        for (const part of walk.parts()) {
          expect(part.start).toBe(at)
          expect(part.end > part.start).toBe(true)
          expect(ranges.some(({ start, end }) => start <= part.start && part.end <= end)).toBe(true)
          at = part.end
          walk.learn(part, left.next().value ?? 0, 1000)
        }
        expect(at).toBe(HIGHEST)
      }),
      { numRuns: 200 },
    )
  })

  it('soon has parts of about one page', () => {
    const walk = new RingWalk(rangesBetween([]), 1, undefined)
    const perPart: number[] = []
    // A million rows, evenly.
    for (const part of walk.parts()) {
      const rows = Number(((part.end - part.start) * 1_000_000n) >> 64n)
      perPart.push(rows)
      walk.learn(part, rows, 5000)
    }
    expect(Math.max(...perPart.slice(3))).toBeLessThanOrEqual(5000)
    expect(perPart.length).toBeLessThan(300)
  })

  it('ends soon where there are no rows', () => {
    const walk = new RingWalk(rangesBetween([]), 100_000, undefined)
    let parts = 0
    for (const part of walk.parts()) {
      parts++
      walk.learn(part, 0, 5000)
    }
    expect(parts).toBeLessThan(20)
  })
})
