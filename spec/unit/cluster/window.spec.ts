import { beforeEach, describe, expect, it } from 'vitest'
import { Window } from '../../../lib/cluster/window.ts'

let now = 0
beforeEach(() => {
  now = 1_000_000
})
const windowOf = (concurrency: number) => new Window(concurrency, () => now)

/** Answers `count` requests one after the other while the window is fully used. */
function answer(window: Window, count: number, latency: number): void {
  for (let i = 0; i < count; i++) {
    now += latency / window.limit
    window.answered(latency, true)
  }
}

/** A server that works on `capacity` requests at a time. Further requests in flight queue. */
function answerWith(window: Window, count: number, capacity: number): void {
  for (let i = 0; i < count; i++) answer(window, 1, 10 * Math.max(1, window.limit / capacity))
}

describe('the window', () => {
  it('grows to concurrency while nothing queues, and never beyond', () => {
    const window = windowOf(100)
    for (let i = 0; i < 4_000; i++) {
      answer(window, 1, 10)
      expect(window.limit).toBeLessThanOrEqual(100)
    }
    expect(window.limit).toBe(100)
  })

  it('doubles with each round trip at first, up to concurrency', () => {
    const window = windowOf(100)
    for (const expected of [64, 100, 100]) {
      answer(window, window.limit, 50)
      expect(window.limit).toBe(expected)
    }
  })

  it.each([
    ['requests have waited', (window: Window) => answer(window, 5, 50_000)],
    ['a server was overloaded', (window: Window) => window.overloaded(now)],
  ])('grows by two with each round trip after %s', (_, trouble) => {
    const window = windowOf(1_000)
    answer(window, 32, 10)
    trouble(window)
    answer(window, 100, 10)
    const before = window.limit
    for (let trip = 0; trip < 5; trip++) answer(window, window.limit, 10)
    expect(window.limit - before).toBeGreaterThanOrEqual(8)
    expect(window.limit - before).toBeLessThanOrEqual(11)
  })

  it('is never above a small concurrency and never below one', () => {
    for (const concurrency of [1, 2, 3]) {
      const window = windowOf(concurrency)
      answer(window, 1_000, 10)
      expect(window.limit).toBe(concurrency)
      for (let i = 0; i < 10; i++) {
        now += 1
        window.overloaded(now)
      }
      expect(window.limit).toBe(Math.min(2, concurrency))
    }
  })

  it('does not grow while it is not fully used', () => {
    const window = windowOf(100)
    const before = window.limit
    for (let i = 0; i < 1_000; i++) window.answered(10, false)
    expect(window.limit).toBe(before)
  })

  it('stops growing when requests begin to wait long', () => {
    const window = windowOf(10_000)
    answerWith(window, 100_000, 10)
    // With 1,010 in flight, requests wait for 1 s; with 2,010, for 2 s.
    expect(window.limit).toBeGreaterThanOrEqual(1_000)
    expect(window.limit).toBeLessThanOrEqual(2_010)
  })

  it('shrinks when latency rises, and grows back when it falls', () => {
    const window = windowOf(10_000)
    answerWith(window, 400_000, 20)
    const before = window.limit
    answerWith(window, 4_000, 4)
    expect(window.limit).toBeLessThan(before - 300)
    answerWith(window, 400_000, 20)
    expect(window.limit).toBeGreaterThan(before * 0.9)
  })

  it('halves once if many requests that were in flight together fail', () => {
    const window = windowOf(100)
    answer(window, 4_000, 10)
    const sent = now
    now += 15_000
    for (let i = 0; i < 100; i++) {
      now += 1
      window.overloaded(sent + i / 100)
    }
    expect(window.limit).toBe(50)
  })

  it('halves again if requests fail that were sent after the last halving', () => {
    const window = windowOf(100)
    answer(window, 4_000, 10)
    for (const expected of [50, 25, 12, 6, 3, 2, 2]) {
      now += 1
      const sent = now
      now += 10
      window.overloaded(sent)
      expect(window.limit).toBe(expected)
    }
  })

  it('also halves only once before the first answer', () => {
    const window = windowOf(100)
    const before = window.limit
    for (let i = 0; i < before; i++) window.overloaded(now - 1)
    expect(window.limit).toBe(before / 2)
  })

  it('grows back to concurrency after the server has recovered', () => {
    const window = windowOf(100)
    answer(window, 4_000, 10)
    for (let i = 0; i < 10; i++) {
      now += 20
      window.overloaded(now - 10)
    }
    expect(window.limit).toBe(2)
    answer(window, 4_000, 10)
    expect(window.limit).toBe(100)
  })

  it('measures the shortest latency again after a network has become slower permanently', () => {
    const window = windowOf(200)
    answer(window, 4_000, 1)
    answer(window, 20_000, 200)
    expect(window.limit).toBe(200)
  })
})
