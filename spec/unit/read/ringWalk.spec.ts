import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RingWalk } from '../../../lib/read/ringWalk.ts'
import { rangesAbove, rangesBetween, type TokenRange } from '../../../lib/read/tokenRanges.ts'

const LOWEST = -(2n ** 63n)
const HIGHEST = 2n ** 63n - 1n
const token = fc.bigInt({ min: LOWEST, max: HIGHEST })

describe('a walk through the ring', () => {
  it.each([true, false])(
    'has every token above a position once, each part within one range, in order: %s',
    inOrder => {
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
          const walk = new RingWalk(rangesAbove(from, ranges), count, inOrder)
          const left = learned.values()
          const parts: TokenRange[] = []
          for (const part of walk.parts()) {
            parts.push(part)
            expect(part.end > part.start).toBe(true)
            walk.learn(part, left.next().value ?? 0, 1000)
          }
          let at = from ?? LOWEST
          const sorted = inOrder ? parts : parts.toSorted((a, b) => (a.start < b.start ? -1 : 1))
          for (const part of sorted) {
            expect(part.start).toBe(at)
            expect(ranges.some(({ start, end }) => start <= part.start && part.end <= end)).toBe(true)
            at = part.end
          }
          expect(at).toBe(HIGHEST)
        }),
        { numRuns: 200 },
      )
    },
  )

  it('takes ranges in turns if there is no order, so that all nodes are asked', () => {
    const ranges = rangesBetween([-(2n ** 62n), 0n, 2n ** 62n])
    const walk = new RingWalk(ranges, 64, false)
    const ends: number[] = []
    for (const part of walk.parts()) {
      ends.push(ranges.findIndex(({ start, end }) => start <= part.start && part.end <= end))
      walk.learn(part, 20_000, 5000)
    }
    expect(ends.slice(0, 8)).toEqual([0, 1, 2, 3, 0, 1, 2, 3])
    expect(ends.length).toBe(64)
  })

  it('does not widen parts beyond one that was slow, although they are empty', () => {
    const walk = new RingWalk(rangesBetween([]), 64, false)
    const widths: bigint[] = []
    for (const part of walk.parts()) {
      const width = part.end - part.start
      widths.push(width)
      // Slow from the third part on, which was read only in halves.
      walk.learn(part, 0, 1000, widths.length < 3 ? undefined : width / 2n)
      if (widths.length === 5) break
    }
    const [first = 0n, second = 0n, third = 0n, fourth = 0n, fifth = 0n] = widths
    expect(second).toBeGreaterThan(first)
    expect(third).toBeGreaterThan(second)
    expect(fourth).toBe(third / 2n)
    expect(fifth).toBe(fourth / 2n)
  })

  it('soon has wide parts again after a time in which every request was slow', () => {
    const walk = new RingWalk(rangesBetween([]), 64, false)
    let parts = 0
    for (const part of walk.parts()) {
      walk.learn(part, 0, 5000, ++parts === 3 ? 0n : undefined)
      if (parts === 1_000) break
    }
    expect(parts).toBeLessThan(200)
  })

  it('soon arrives at parts of about one page', () => {
    const walk = new RingWalk(rangesBetween([]), 1, true)
    const perPart: number[] = []
    // A million evenly distributed rows.
    for (const part of walk.parts()) {
      const rows = Number(((part.end - part.start) * 1_000_000n) >> 64n)
      perPart.push(rows)
      walk.learn(part, rows, 5000)
    }
    expect(Math.max(...perPart.slice(3))).toBeLessThanOrEqual(5000)
    expect(perPart.length).toBeLessThan(300)
  })

  it.each([
    ['one range', []],
    ['ranges of one token', [LOWEST + 1n, 0n, 1n, 2n]],
  ])('ends soon if there are no rows, in %s', (_, tokens) => {
    const walk = new RingWalk(rangesBetween(tokens), 100_000, true)
    let parts = 0
    for (const part of walk.parts()) {
      parts++
      walk.learn(part, 0, 5000)
    }
    expect(parts).toBeLessThan(20)
  })
})
