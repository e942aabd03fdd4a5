import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OrderClock, processClock } from '../../../lib/write/clock.ts'

describe('the order clock', () => {
  it('gives microseconds of the system clock', () => {
    expect(new OrderClock(() => 1_700_000_000_000).next()).toBe(1_700_000_000_000_000)
  })

  it('rises strictly, whatever the system clock does and however many are asked for', () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: -5_000, max: 5_000 }), fc.integer({ min: 1, max: 100 })),
    )
    fc.assert(
      fc.property(steps, list => {
        let now = 1_700_000_000_000
        const clock = new OrderClock(() => now)
        let last = Number.NEGATIVE_INFINITY
        for (const [step, count] of list) {
          now += step
          const first = clock.next(count)
          expect(first).toBeGreaterThan(last)
          last = first + count - 1
        }
      }),
    )
  })

  it('goes back to the system clock when that has caught up', () => {
    let now = 1_000
    const clock = new OrderClock(() => now)
    clock.next(5_000)
    now = 1_002
    expect(clock.next()).toBe(1_005_000)
    now = 2_000
    expect(clock.next()).toBe(2_000_000)
  })

  it('rises above a time it is told of, and is not set back by one', () => {
    const clock = new OrderClock(() => 1_000)
    clock.advance(5_000_000)
    expect(clock.next()).toBe(5_000_001)
    clock.advance(3_000_000)
    expect(clock.next()).toBe(5_000_002)
  })

  it('keeps the place of a row that is stamped later, between those before and after it', () => {
    const clock = new OrderClock(() => 1_000)
    const before = clock.next()
    const timestamp = clock.reserve(64)
    const after = clock.next()
    expect(timestamp()).toBeGreaterThan(before)
    expect(timestamp() + 63).toBeLessThan(after)
    clock.advance(5_000_000)
    expect(timestamp() + 63).toBeLessThan(after)
  })

  it('moves reserved times above a time it is told of before the first is in use, and keeps their order', () => {
    const clock = new OrderClock(() => 1_000)
    const [first, second] = [clock.reserve(1), clock.reserve(64)]
    clock.advance(5_000_000)
    const third = clock.reserve(1)
    clock.advance(9_000_000)
    const times = [first(), second(), second() + 63, third(), clock.next()]
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[1]).toBeGreaterThan(5_000_000)
    expect(new Set(times).size).toBe(5)
  })

  it('is one for the process', () => {
    expect(processClock()).toBe(processClock())
  })
})
