import { setTimeout as delay } from 'node:timers/promises'
import { faultOf, isTimeout, mayBeSentAgain } from './fault.ts'
import { unlessAborted } from './unlessAborted.ts'
import { within } from './within.ts'

/** Milliseconds for an answer. After an attempt that took longer, the next one, mostly at another node, has twice the time. */
const FIRST_PATIENCE_MS = 2_000

/** Milliseconds between two attempts. */
const PAUSE_MS = 100

/**
 * Asks Cassandra something small until it answers. A cut connection or one node that hangs is no failure.
 * @param ask may take this many milliseconds
 * @throws the error of the last attempt, when the time is up or no other attempt can help; the signal's reason
 */
export async function answerWithin<Answer>(
  timeout_ms: number,
  ask: (limit_ms: number) => Promise<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  const deadline = performance.now() + timeout_ms
  for (let patience_ms = FIRST_PATIENCE_MS; ; ) {
    const left_ms = Math.max(1, deadline - performance.now())
    const limit_ms = Math.ceil(Math.min(left_ms, patience_ms))
    try {
      return await unlessAborted(within(limit_ms, ask(limit_ms)), signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!mayBeSentAgain(faultOf(error)) || performance.now() + PAUSE_MS >= deadline) throw error
      if (isTimeout(error)) patience_ms *= 2
    }
    // `delay` would reject with another error than the signal's reason.
    await unlessAborted(delay(PAUSE_MS), signal)
  }
}
