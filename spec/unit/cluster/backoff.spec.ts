import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoff } from '../../../lib/cluster/backoff.ts'

describe('the wait before a retry', () => {
  const most = (retry: number) => backoff(retry, () => 1)

  it('doubles its bound with each retry up to a limit', () => {
    expect([0, 1, 2, 3].map(most)).toEqual([50, 100, 200, 400])
    expect([7, 20, 1_000, 1e6].map(most)).toEqual([5_000, 5_000, 5_000, 5_000])
  })

  it('is random between 0 and that bound, so that many clients do not return at the same time', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (retry, random) => {
        expect(backoff(retry, () => random)).toBeCloseTo(random * most(retry))
      }),
    )
    expect(new Set(Array.from({ length: 20 }, () => backoff(5))).size).toBeGreaterThan(1)
  })
})
