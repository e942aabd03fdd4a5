import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  halves,
  rangesBetween,
  rangesOfShard,
  splitRanges,
  type TokenRange,
} from '../../../lib/read/tokenRanges.ts'

const LOWEST = -(2n ** 63n)
const HIGHEST = 2n ** 63n - 1n

const token = fc.oneof(
  fc.bigInt({ min: LOWEST, max: HIGHEST }),
  fc.constantFrom(LOWEST, LOWEST + 1n, -1n, 0n, 1n, HIGHEST - 1n, HIGHEST),
)
const ring = fc.array(token, { maxLength: 100 })

const byToken = (a: bigint, b: bigint) => (a < b ? -1 : 1)

/** Checks that every token above the lowest is in exactly one range, and that no range is empty. */
function expectWhole(ranges: readonly TokenRange[]): void {
  const sorted = ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  let at = LOWEST
  for (const { start, end } of sorted) {
    expect(start).toBe(at)
    expect(end > start).toBe(true)
    at = end
  }
  expect(at).toBe(HIGHEST)
}

describe('ranges between the tokens of nodes', () => {
  it('cover the whole ring once, and end at each of the tokens', () => {
    fc.assert(
      fc.property(ring, tokens => {
        const ranges = rangesBetween(tokens)
        expectWhole(ranges)
        const ends = new Set(ranges.map(({ end }) => end))
        for (const each of tokens) if (each > LOWEST) expect(ends.has(each)).toBe(true)
        expect(ranges.length).toBeLessThanOrEqual(tokens.length + 1)
      }),
      { numRuns: 500 },
    )
  })
})

describe('splits', () => {
  it('cover the whole ring once, each within one range, with at most one more per range than requested', () => {
    fc.assert(
      fc.property(ring, fc.integer({ min: 1, max: 500 }), (tokens, splits) => {
        const ranges = rangesBetween(tokens)
        const parts = splitRanges(ranges, splits)
        expectWhole(parts)
        expect(parts.length).toBeGreaterThanOrEqual(Math.min(splits, ranges.length))
        expect(parts.length).toBeLessThanOrEqual(splits + ranges.length)
        const ends = new Set(ranges.map(({ end }) => end))
        const sorted = parts.toSorted((a, b) => (a.start < b.start ? -1 : 1))
        const starts = new Set(sorted.map(({ start }) => start))
        for (const end of ends) if (end < HIGHEST) expect(starts.has(end)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('of a ring with one range have equal sizes', () => {
    const parts = splitRanges(rangesBetween([]), 64)
    expect(parts.length).toBe(64)
    const sizes = parts.map(({ start, end }) => end - start)
    const [first = 0n] = sizes
    expect(sizes.every(size => size - first <= 1n && first - size <= 1n)).toBe(true)
  })

  it('of a ring of 1,000 nodes with 256 tokens each are computed fast', () => {
    const step = 2n ** 64n / 256_000n
    const tokens = Array.from({ length: 256_000 }, (_, i) => LOWEST + step * BigInt(i + 1))
    expect(splitRanges(rangesBetween(tokens), 64).length).toBeGreaterThanOrEqual(256_000)
  })

  it('come from all ranges in turns', () => {
    const ranges = rangesBetween([0n])
    const parts = splitRanges(ranges, 4)
    expect(parts.map(({ end }) => end <= 0n)).toEqual([true, false, true, false])
  })
})

describe('shards', () => {
  it('cover the whole ring once, have equal sizes, and lie within the ranges between the nodes', () => {
    fc.assert(
      fc.property(ring, fc.integer({ min: 1, max: 40 }), (tokens, count) => {
        const ranges = rangesBetween(tokens)
        const shards = Array.from({ length: count }, (_, index) => rangesOfShard({ index, count }, ranges))
        expectWhole(shards.flat())
        for (const shard of shards) {
          const size = shard.reduce((sum, { start, end }) => sum + end - start, 0n)
          const ideal = (HIGHEST - LOWEST) / BigInt(count)
          expect(size - ideal).toBeOneOf([0n, 1n])
        }
        for (const { start, end } of shards.flat()) {
          expect(ranges.some(range => range.start <= start && end <= range.end)).toBe(true)
        }
      }),
    )
  })

  it('do not depend on the nodes', () => {
    fc.assert(
      fc.property(ring, ring, fc.integer({ min: 1, max: 40 }), (some, others, count) => {
        const edgesOf = (tokens: readonly bigint[]) => {
          const own = rangesOfShard({ index: count - 1, count }, rangesBetween(tokens))
          return [
            own.map(({ start }) => start).sort(byToken)[0],
            own
              .map(({ end }) => end)
              .sort(byToken)
              .at(-1),
          ]
        }
        expect(edgesOf(some)).toEqual(edgesOf(others))
      }),
    )
  })
})

describe('halves', () => {
  it('cover a range completely, down to one token', () => {
    fc.assert(
      fc.property(token, token, (a, b) => {
        fc.pre(a < b)
        const found = halves({ start: a, end: b })
        expect(found === undefined).toBe(b - a === 1n)
        if (found === undefined) return
        const [first, second] = found
        expect([first.start, first.end, second.end]).toEqual([a, second.start, b])
        expect(first.end > a && second.start < b).toBe(true)
      }),
    )
  })
})
