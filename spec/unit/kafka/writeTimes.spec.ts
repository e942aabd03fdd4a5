import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WriteTimes } from '../../../lib/kafka/writeTimes.ts'

const timesOf = (milliseconds: readonly number[], times = new WriteTimes()) =>
  milliseconds.map(each => times.of(each))

const now = 1_790_000_000_000

describe('write times of messages', () => {
  it('are those of the messages', () => {
    expect(timesOf([now, now + 1, now + 10])).toEqual([now * 1000, now * 1000 + 1000, now * 1000 + 10_000])
  })

  it('rise by a microsecond per message within a millisecond, however many messages there are', () => {
    const times = timesOf(new Array(3000).fill(now))
    expect(times).toEqual(Array.from({ length: 3000 }, (_, i) => now * 1000 + i))
    expect(timesOf([now, ...new Array(1500).fill(now), now + 1]).at(-1)).toBe(now * 1000 + 1501)
  })

  it('rise if a message time goes back by less than a second', () => {
    expect(timesOf([now, now - 500, now - 999])).toEqual([now * 1000, now * 1000 + 1, now * 1000 + 2])
  })

  it('go back if a message time goes back by more, and differ for messages with that time', () => {
    const back = now - 60_000
    expect(timesOf([now, back, back])).toEqual([now * 1000, back * 1000, back * 1000 + 1])
  })

  it('do not follow a single message with a time far ahead', () => {
    expect(timesOf([now, now + 3_600_000, now + 1])[2]).toBe((now + 1) * 1000)
  })

  it('are not affected by messages with impossible times, whose own write time may be anything', () => {
    for (const impossible of [-1, -5_000, now * 1000, Number.MAX_SAFE_INTEGER]) {
      const times = new WriteTimes()
      expect(timesOf([now, impossible, now], times)).toEqual([now * 1000, impossible * 1000, now * 1000 + 1])
      expect(times.last).toBe(now * 1000 + 1)
    }
  })

  it('continue in the same way after a restart at any message', () => {
    const someTimes = fc.array(fc.integer({ min: now, max: now + 3000 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(someTimes, fc.nat(), (times, at) => {
        const cut = at % times.length
        const first = new WriteTimes()
        const whole = timesOf(times)
        const parts = [
          ...timesOf(times.slice(0, cut), first),
          ...timesOf(times.slice(cut), new WriteTimes(first.last)),
        ]
        expect(parts).toEqual(whole)
      }),
    )
  })
})
