import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Pace, rowsPerFlush } from '../../../lib/write/pace.ts'

describe('a pace', () => {
  it('allows at most twice its rows in any second, whenever rows come, and wastes no time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.array(fc.record({ rows: fc.integer({ min: 1, max: 1_000 }), idle_ms: fc.nat({ max: 3_000 }) })),
        (rate, requests) => {
          let now = 1_000
          const pace = new Pace(rate, () => now)
          const most = rowsPerFlush(1_000, rate)
          const sent: { at: number; rows: number }[] = []
          for (const { rows, idle_ms } of requests) {
            if (pace.wait_ms > 0) now += pace.wait_ms
            else now += idle_ms
            const few = Math.min(rows, most)
            pace.left(few)
            sent.push({ at: now, rows: few })
          }
          for (const { at } of sent) {
            const second = sent.filter(other => other.at >= at && other.at < at + 1_000)
            const total = second.reduce((sum, { rows }) => sum + rows, 0)
            expect(total).toBeLessThanOrEqual(Math.max(2 * rate, rate + most))
          }
        },
      ),
    )
  })

  it('is reached on average while more rows wait', () => {
    let now = 0
    const pace = new Pace(1_000, () => now)
    let rows = 0
    while (now < 10_000) {
      now += pace.wait_ms
      pace.left(100)
      rows += 100
    }
    expect(rows).toBeGreaterThanOrEqual(10_000)
    expect(rows).toBeLessThanOrEqual(10_200)
  })

  it('cuts flushes to the rows of at most a tenth of a second', () => {
    expect([undefined, 5, 2_000, 1_000_000].map(rate => rowsPerFlush(1_000, rate))).toEqual([
      1_000, 1, 200, 1_000,
    ])
  })
})
