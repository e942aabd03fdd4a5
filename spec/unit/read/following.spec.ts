import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { BusyTime } from '../../../lib/read/busyTime.ts'
import { Following, pauseAfter } from '../../../lib/read/following.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

describe('the pause between two walks', () => {
  it('ends one interval after the start of a walk on which Cassandra worked for less', () => {
    expect(pauseAfter(300, 300, 1_000)).toBe(700)
    expect(pauseAfter(900, 100, 1_000)).toBe(100)
    expect(pauseAfter(60_000, 100, 1_000)).toBe(0)
  })

  it('leaves Cassandra idle for as long as it worked, if that is longer than the interval', () => {
    expect(pauseAfter(5_000, 5_000, 1_000)).toBe(5_000)
    expect(pauseAfter(7_000, 5_000, 1_000)).toBe(3_000)
    expect(pauseAfter(60_000, 5_000, 1_000)).toBe(0)
  })

  it('does not repeat the time in which the consumer held the walk up', async () => {
    const clock = vi.spyOn(performance, 'now')
    onTestFinished(() => clock.mockRestore())
    const follow = { by: 'scan', interval_ms: 0, lag_ms: 0 } as const
    const settings = readSettingsOf({ host: 'localhost', keyspace: 'ks', table: 't', follow })
    const following = new Following(new FakeClient().asClient, follow, settings, new AbortController().signal)
    const look = async () => {}
    const first = await following.next(0, look)
    const now = performance.now()
    clock.mockImplementation(() => now + 600_000)
    expect((await following.next(1, look)).from).toBe(first.to)
  })
})

describe('the time of several requests', () => {
  it('counts once while they are answered in parallel', async () => {
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    onTestFinished(() => clock.mockRestore())
    const busy = new BusyTime()
    let answer = () => {}
    let fail = (_: Error) => {}
    const first = busy.during(new Promise<void>(resolve => (answer = resolve)))
    now = 10
    const second = busy.during(new Promise<void>((_, reject) => (fail = reject)))
    now = 25
    expect(busy.total_ms).toBe(25)
    answer()
    await first
    now = 40
    fail(new Error('lost'))
    await expect(second).rejects.toThrow('lost')
    now = 900
    expect(busy.total_ms).toBe(40)
  })
})
