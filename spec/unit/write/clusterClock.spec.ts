import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arrivals } from '../../../lib/write/clock.ts'
import { ClusterClock, clockOf, processArrivals } from '../../../lib/write/clusterClock.ts'

const START_MS = 1_700_000_000_000
const MOST_MS = 10_000

/** A steady clock and the machine's clock, which the spec advances, and a cluster whose clock is off by some milliseconds. */
function scene(name = 'spec') {
  const time = { steady: START_MS * 1000, system_ms: START_MS }
  const clock = new ClusterClock(
    { name, hostIds: ['a'] },
    new Arrivals(() => time.steady),
    () => time.system_ms,
  )
  const pass = (microseconds: number) => {
    time.steady += microseconds
    time.system_ms = Math.floor(time.steady / 1000)
  }
  /** Asks the coordinator. It answers in the middle of a request that takes this many microseconds. */
  const measure = (off_us: number, took: number, most_ms = MOST_MS) => {
    const asked = clock.steady()
    pass(took / 2)
    const coordinator_ms = Math.floor((time.steady + off_us) / 1000)
    pass(took / 2)
    return clock.measure({ coordinator_ms, asked, answered: clock.steady() }, most_ms)
  }
  return { time, clock, measure, pass }
}

describe('the clock of a cluster', () => {
  it('equals this machine’s clock to the microsecond while an answer shows no difference', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 500_000 }), fc.integer({ min: 0, max: 999 }), (took, into) => {
        const { time, clock, measure, pass } = scene()
        pass(into)
        expect(measure(0, took)).toBe(0)
        expect(clock.now()).toBe(Math.floor(time.steady))
      }),
    )
  })

  it('is never later than the coordinator’s clock can be, and never earlier by more than the request took', () => {
    const off = fc.integer({ min: -9_000_000, max: 9_000_000 })
    fc.assert(
      fc.property(off, fc.integer({ min: 0, max: 100_000 }), (off_us, took) => {
        const { time, clock, measure } = scene()
        measure(off_us, took)
        const error = clock.now() - (time.steady + off_us)
        expect(Math.abs(error)).toBeLessThanOrEqual(took / 2 + 1000)
      }),
    )
  })

  it('reports by how much it is ahead of this machine’s clock or behind it', () => {
    const ahead = scene()
    expect(ahead.measure(3_000_000, 0)).toBe(3_000)
    expect(ahead.clock.skew_ms).toBe(3_000)
    const behind = scene()
    expect(behind.measure(-3_000_000, 0)).toBe(-2_999)
  })

  it('ignores an implausible answer', () => {
    const { time, clock, measure } = scene()
    measure(0, 100)
    const day_ms = 86_400_000
    expect(measure(day_ms * 1000, 100)).toBeGreaterThan(day_ms - 2)
    expect(clock.now()).toBe(time.steady)
  })

  it('is read again soon after the machine was suspended, which the steady clock does not show', () => {
    const { time, clock, measure, pass } = scene()
    measure(0, 100)
    pass(4_000_000)
    expect(clock.isDue).toBe(false)
    time.system_ms += 3_600_000
    expect(clock.isDue).toBe(true)
    const asked = clock.steady()
    clock.measure({ coordinator_ms: time.system_ms, asked, answered: asked }, MOST_MS)
    expect([clock.isDue, clock.skew_ms]).toEqual([false, 0])
    expect(Math.abs(clock.now() / 1000 - time.system_ms)).toBeLessThanOrEqual(1)
    time.steady += 10_000_000
    expect(clock.isDue).toBe(true)
  })

  it('does not change when this machine’s clock is set', () => {
    const { time, clock, measure } = scene()
    measure(0, 100)
    time.system_ms -= 3_600_000
    expect(clock.now()).toBe(time.steady)
    const asked = clock.steady()
    clock.measure({ coordinator_ms: Math.floor(time.steady / 1000), asked, answered: asked }, 86_400_000)
    expect(clock.now()).toBe(time.steady)
    expect(clock.skew_ms).toBe(3_600_000)
  })

  it('is measured again only after some time', () => {
    const { clock, measure, pass } = scene()
    expect(clock.isDue).toBe(true)
    measure(0, 100)
    expect(clock.isDue).toBe(false)
    pass(10_000_000)
    expect(clock.isDue).toBe(true)
  })

  it('emits one warning for a large difference', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error) => warnings.push(warning)
    process.on('warning', keep)
    const { measure } = scene('warned of')
    measure(-2_000_000, 100)
    measure(-2_500_000, 100)
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', keep)
    const own = warnings.filter(({ message }) => message.includes('"warned of"'))
    expect(own).toMatchObject([{ name: 'CassandraStreamsWarning', code: 'CASSANDRA_STREAMS_CLOCK_SKEW' }])
    expect(own[0]?.message).toContain("ms behind this machine's")
  })

  it('can be awaited until a time has passed', async () => {
    const clock = new ClusterClock({ name: 'real', hostIds: [] }, processArrivals())
    const timestamp = clock.now() + 3_000
    await clock.passed(timestamp, new AbortController().signal)
    expect(clock.now()).toBeGreaterThan(timestamp)
  })

  it('is not awaited longer than needed when it is set forward, nor after an abort', async () => {
    const clock = new ClusterClock({ name: 'set back', hostIds: [] }, processArrivals())
    clock.next()
    const timestamp = clock.now()
    const hour = 3_600_000_000
    clock.correct(-hour)
    const leaving = new AbortController()
    const left = clock.passed(timestamp, leaving.signal)
    const waited = clock.passed(timestamp, new AbortController().signal)
    leaving.abort()
    await expect(left).rejects.toMatchObject({ name: 'AbortError' })
    clock.correct(0)
    await waited
  })
})

describe('the clocks of a process', () => {
  it('are one per cluster, identified by its nodes and not by its name, which many clusters share', () => {
    const one = clockOf({ name: 'Test Cluster', hostIds: ['n1', 'n2'] })
    expect(clockOf({ name: 'Test Cluster', hostIds: ['n2', 'n3'] })).toBe(one)
    expect(clockOf({ name: 'Test Cluster', hostIds: ['n3'] })).toBe(one)
    expect(clockOf({ name: 'Test Cluster', hostIds: ['other'] })).not.toBe(one)
  })
})
