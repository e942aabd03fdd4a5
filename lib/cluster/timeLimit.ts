import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectionSettings } from '../options/settings.ts'
import { connectTimeout } from './failure.ts'

/**
 * Rejects when `request_timeout_ms` is over, or when the signal is aborted. For `Promise.race`: a rejection that nobody awaits is
 * not reported.
 */
export function timeLimit(settings: ConnectionSettings, signal: AbortSignal): Promise<never> {
  const limit = delay(settings.request_timeout_ms, undefined, { signal }).then(() => {
    throw connectTimeout(settings)
  })
  limit.catch(() => {})
  return limit
}
