import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LIST_TIMESTAMPS } from '../../../lib/row/using.ts'
import { Arrivals, OrderClock } from '../../../lib/write/clock.ts'

/** A steady clock in microseconds that a spec advances. */
function steadyAt(start: number) {
  const time = { now: start }
  const arrivals = new Arrivals(() => time.now)
  return { time, arrivals, clock: new OrderClock(arrivals) }
}

describe('the order clock', () => {
  it('returns the current microsecond, so that two processes rarely return the same', () => {
    const { time, clock } = steadyAt(1_700_000_000_000_123.5)
    expect(clock.next()).toBe(1_700_000_000_000_123)
    time.now += 900
    expect(clock.next()).toBe(1_700_000_000_001_023)
  })

  it('rises strictly, whatever the corrections and the number of timestamps', () => {
    const step = fc.record({
      pass: fc.integer({ min: 0, max: 50 }),
      correction: fc.integer({ min: -5_000, max: 5_000 }),
      count: fc.integer({ min: 1, max: 100 }),
    })
    fc.assert(
      fc.property(fc.array(step), steps => {
        const { time, clock } = steadyAt(1_000_000)
        let last = Number.NEGATIVE_INFINITY
        for (const { pass, correction, count } of steps) {
          time.now += pass
          clock.correct(correction)
          const first = clock.next(count)
          expect(first).toBeGreaterThan(last)
          last = first + count - 1
        }
      }),
    )
  })

  it('takes several timestamps from the past, so that none lies ahead', () => {
    const { time, clock } = steadyAt(1_000)
    expect(clock.next(8) + 7).toBe(1_000)
    expect(clock.isAhead).toBe(false)
    time.now += 8
    expect(clock.next(8) + 7).toBe(1_008)
    expect(clock.isAhead).toBe(false)
  })

  it('is ahead only while more timestamps are taken than microseconds pass, and reports by how much', () => {
    const { time, clock } = steadyAt(1_000)
    clock.next(8)
    expect(clock.next(8)).toBe(1_001)
    expect(clock.isAhead).toBe(true)
    time.now += 7
    expect(clock.isAhead).toBe(true)
    time.now += 1
    expect(clock.isAhead).toBe(false)
  })

  it('rises above a later time that it is given, and ignores an earlier one', () => {
    const { clock } = steadyAt(1_000)
    clock.advance(5_000_000)
    expect(clock.next()).toBe(5_000_001)
    clock.advance(3_000_000)
    expect(clock.next()).toBe(5_000_002)
  })

  it('keeps the place of a row that is stamped later, between the rows before and after it', () => {
    const { time, arrivals, clock } = steadyAt(1_000)
    clock.correct(500)
    const before = clock.next()
    time.now += 3
    const arrival = arrivals.early()
    const after = clock.next()
    expect(clock.at(arrival)).toBeGreaterThan(before)
    expect(clock.at(arrival) + 7).toBeLessThan(after)
  })

  it('keeps the order of all rows, whatever the corrections while some rows wait for their cluster', () => {
    const step = fc.record({
      pass: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 2_000 })),
      correction: fc.option(fc.integer({ min: -3_000, max: 3_000 }), { freq: 5 }),
      isEarly: fc.boolean(),
      // Number of write times of a row. A row with a list has several, each of which may be stored.
      count: fc.constantFrom(1, LIST_TIMESTAMPS),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), steps => {
        const { time, arrivals, clock } = steadyAt(1_000_000)
        const rows: { readonly first: () => number; readonly count: number }[] = []
        for (const { pass, correction, isEarly, count } of steps) {
          time.now += pass
          if (correction !== null) clock.correct(correction)
          if (isEarly) {
            const arrival = arrivals.early()
            rows.push({ first: () => clock.at(arrival), count })
          } else {
            const timestamp = clock.next(count)
            rows.push({ first: () => timestamp, count })
          }
        }
        let last = Number.NEGATIVE_INFINITY
        for (const { first, count } of rows) {
          const timestamp = first()
          expect(timestamp).toBeGreaterThan(last)
          last = timestamp + count - 1
        }
      }),
      { numRuns: 500 },
    )
  })

  it('catches up with a correction that moved it back', () => {
    const { time, clock } = steadyAt(1_000_000)
    clock.correct(5_000)
    clock.next()
    clock.correct(0)
    time.now += 1_000
    expect(clock.next()).toBeGreaterThan(time.now + 4_000)
    expect(clock.isAhead).toBe(true)
    time.now += 20_000
    expect(clock.next()).toBe(time.now)
    expect(clock.isAhead).toBe(false)
  })

  it('waits for the millisecond after the latest time that it had, if it was moved back since', async () => {
    const { time, clock } = steadyAt(1_000_000)
    clock.correct(40_000)
    const written = clock.next()
    time.now += 100
    clock.correct(0)
    const ending = new AbortController()
    const waiting = clock.nextMillisecond(ending.signal)
    time.now += 20_000
    expect(await Promise.race([waiting.then(() => 'over'), delay(60, 'waits')])).toBe('waits')
    time.now += 40_000
    await waiting
    expect(clock.now()).toBeGreaterThan(Math.floor(written / 1000) * 1000 + 999)
  })

  it.each([
    ['no row was stamped', 0],
    ['the last row came long before', 30_000],
  ])('does not wait for its time before it was moved back if %s', async (_, idle) => {
    const { time, clock } = steadyAt(1_000_000)
    if (idle > 0) clock.next()
    time.now += idle
    clock.correct(-20_000)
    const waiting = clock.nextMillisecond(new AbortController().signal)
    time.now += 1_000
    expect(await Promise.race([waiting.then(() => 'over'), delay(500, 'waits')])).toBe('over')
  })

  it('stamps rows from before its oldest remembered correction with that correction', () => {
    const { time, arrivals, clock } = steadyAt(1_000_000)
    clock.correct(50_000)
    clock.next()
    const arrival = arrivals.early()
    for (let i = 0; i < 1_000; i++) {
      time.now += 10
      clock.correct(50_000 + (i % 2))
    }
    expect(clock.at(arrival)).toBeGreaterThan(1_040_000)
  })

  it('keeps that place if it is corrected in between', () => {
    const { time, arrivals, clock } = steadyAt(1_000)
    clock.correct(500)
    clock.next()
    time.now += 100
    const arrival = arrivals.early()
    const after = clock.next()
    time.now += 10
    clock.correct(9_000)
    expect(clock.at(arrival) + 7).toBeLessThan(after)
  })

  it('stamps rows from before any cluster was known with the first correction', () => {
    const { time, arrivals, clock } = steadyAt(1_000)
    const arrival = arrivals.early()
    time.now += 100
    clock.correct(7_000_000)
    // All of its write times lie in the past.
    expect(clock.at(arrival)).toBe(7_000_985)
    expect(clock.next()).toBe(7_001_100)
  })

  it('does not change the clock of another cluster, however wrong one clock is', () => {
    const { time, arrivals, clock } = steadyAt(1_000)
    const other = new OrderClock(arrivals)
    other.correct(86_400_000_000)
    other.next()
    time.now += 2
    expect(clock.next()).toBe(1_002)
    expect(clock.isAhead).toBe(false)
  })
})
