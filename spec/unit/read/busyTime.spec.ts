import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { BusyTime } from '../../../lib/read/busyTime.ts'

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
