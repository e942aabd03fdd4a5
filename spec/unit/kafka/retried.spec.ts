import { KafkaJSConnectionError, KafkaJSNonRetriableError, KafkaJSNumberOfRetriesExceeded } from 'kafkajs'
import { afterEach, expect, it, vi } from 'vitest'
import { isHopeless } from '../../../lib/kafka/kafkaJsLibrary.ts'
import { retried } from '../../../lib/kafka/retried.ts'

afterEach(() => void vi.restoreAllMocks())

const never = new AbortController().signal

/** An attempt that fails so many times. */
function failing(times: number, error = new Error('down')) {
  const tries = { count: 0 }
  const attempt = async () => {
    if (tries.count++ < times) throw error
    return 'up'
  }
  return { tries, attempt }
}

it('an attempt is repeated until it succeeds', async () => {
  const { tries, attempt } = failing(2)
  expect(await retried(10_000, never, attempt)).toBe('up')
  expect(tries.count).toBe(3)
})

it('an attempt is not repeated after the time limit, or when that is hopeless', async () => {
  const late = failing(9)
  await expect(retried(0, never, late.attempt)).rejects.toThrow('down')
  expect(late.tries.count).toBe(1)
  const hopeless = failing(9)
  await expect(retried(10_000, never, hopeless.attempt, () => true)).rejects.toThrow('down')
  expect(hopeless.tries.count).toBe(1)
})

it('the time in which the process is stopped does not count', async () => {
  let stopped_ms = 0
  const running = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => running() + stopped_ms)
  const answer = await retried(10_000, never, async () => {
    if (stopped_ms > 0) return 'up'
    stopped_ms = 60_000
    throw new Error('the connection was reset in the meantime')
  })
  expect(answer).toBe('up')
})

it('an abort ends the wait for the next attempt', async () => {
  const leaving = new AbortController()
  const { tries, attempt } = failing(9)
  const ended = retried(10_000, leaving.signal, attempt)
  leaving.abort(new Error('enough'))
  await expect(ended).rejects.toThrow('enough')
  expect(tries.count).toBe(1)
})

it('errors of KafkaJS are hopeless unless their first cause may pass', () => {
  const refused = new KafkaJSConnectionError('refused', {})
  const options = { retryCount: 5, retryTime: 1_000 }
  expect(isHopeless(refused)).toBe(false)
  expect(isHopeless(new KafkaJSNumberOfRetriesExceeded(refused, options))).toBe(false)
  expect(isHopeless(Object.assign(new KafkaJSNonRetriableError(refused), { cause: refused }))).toBe(false)
  expect(isHopeless(new KafkaJSNonRetriableError('wrong password'))).toBe(true)
  const mistake = new TypeError('not a function')
  expect(isHopeless(Object.assign(new KafkaJSNonRetriableError(mistake), { cause: mistake }))).toBe(true)
})
