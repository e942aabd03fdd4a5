import { expect, it } from 'vitest'
import { answerWithin } from '../../../lib/cluster/answerWithin.ts'
import { noAnswer } from '../../../lib/cluster/within.ts'

const { signal } = new AbortController()
const lost = () => Object.assign(new Error('lost'), { isSocketError: true })

/** Asks with these outcomes, one after the other. Returns the limits of the attempts. */
async function limitsOf(outcomes: (Error | undefined)[], timeout_ms = 100_000): Promise<number[]> {
  const limits: number[] = []
  await answerWithin(
    timeout_ms,
    async limit_ms => {
      const outcome = outcomes[limits.push(limit_ms) - 1]
      if (outcome !== undefined) throw outcome
    },
    signal,
  )
  return limits
}

it('an attempt has two seconds, and twice as many after one that took longer', async () => {
  expect(await limitsOf([noAnswer(1), noAnswer(1), undefined])).toEqual([2_000, 4_000, 8_000])
})

it('attempts that fail at once leave the others their time', async () => {
  expect(await limitsOf([...Array.from({ length: 6 }, lost), undefined])).toEqual(Array(7).fill(2_000))
})

it('no attempt has more time than is left, and the last error counts', async () => {
  const limits: number[] = []
  const asking = answerWithin(
    350,
    async limit_ms => {
      limits.push(limit_ms)
      throw lost()
    },
    signal,
  )
  await expect(asking).rejects.toThrow('lost')
  expect(limits.length).toBeGreaterThan(1)
  for (const limit of limits) expect(limit).toBeLessThanOrEqual(350)
})

it('an attempt that never settles ends in time', async () => {
  await expect(answerWithin(50, () => new Promise(() => {}), signal)).rejects.toThrow(
    'No answer came within 50 ms',
  )
})

it('no attempt follows an error that another attempt cannot mend', async () => {
  let tries = 0
  const asking = answerWithin(
    1_000,
    async () => {
      tries++
      throw Object.assign(new Error('no permission'), { code: 0x2100 })
    },
    signal,
  )
  await expect(asking).rejects.toThrow('no permission')
  expect(tries).toBe(1)
})

it('a signal ends the wait for an answer, and for the next attempt', async () => {
  for (const ask of [() => new Promise<void>(() => {}), async () => Promise.reject(lost())]) {
    const leaving = new AbortController()
    const asking = answerWithin(60_000, ask, leaving.signal)
    setTimeout(() => leaving.abort(new Error('left')), 20)
    await expect(asking).rejects.toThrow('left')
  }
})
