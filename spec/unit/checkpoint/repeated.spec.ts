import { expect, it } from 'vitest'
import { repeated } from '../../../lib/checkpoint/table/repeated.ts'
import { serverError } from '../../stream/support.ts'

const { signal } = new AbortController()

/** Sends a request to a server that answers only the first attempt, with this error. */
function sentTo(answer: Error, limits: { request_timeout_ms: number; retry_timeout_ms: number }) {
  let attempts = 0
  const send = () => (attempts++ === 0 ? Promise.reject(answer) : new Promise<never>(() => {}))
  return repeated(send, limits, signal)
}

it('a request fails with the last answer, if nobody answers its last, shortened attempt', async () => {
  const unavailable = serverError(0x1000, 'Cannot achieve consistency level SERIAL')
  const limits = { request_timeout_ms: 15_000, retry_timeout_ms: 200 }
  await expect(sentTo(unavailable, limits)).rejects.toBe(unavailable)
})

it('a request fails with the missing answer, if an attempt had its full time', async () => {
  // The last attempt is not shortened to less than that.
  const limits = { request_timeout_ms: 100, retry_timeout_ms: 1_000 }
  await expect(sentTo(serverError(0x1000), limits)).rejects.toThrow('No answer came within 100 ms')
})
