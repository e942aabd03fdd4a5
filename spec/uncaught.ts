import process from 'node:process'
import { onTestFinished } from 'vitest'

/** What is thrown and not caught by anybody, until the spec is over. */
export function uncaughtErrors(): readonly unknown[] {
  const errors: unknown[] = []
  process.setUncaughtExceptionCaptureCallback(error => errors.push(error))
  onTestFinished(() => process.setUncaughtExceptionCaptureCallback(null))
  return errors
}
