/**
 * Rejects if `work` has not settled after `limit_ms`, and drops its later outcome. The driver's own time limit does not cover
 * everything that a request may wait for, such as preparing its statement.
 */
export function within<T>(limit_ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(noAnswer(limit_ms)), limit_ms)
    // A timer for a request that nobody waits for must not keep the process alive.
    timer.unref()
    work.then(
      value => {
        clearTimeout(timer)
        resolve(value)
      },
      error => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

/** Shaped like the driver's own time-out, so that one table of faults covers both. */
export function noAnswer(limit_ms: number): Error {
  const error = new Error(`No answer came within ${Math.ceil(limit_ms)} ms`)
  error.name = 'OperationTimedOutError'
  return error
}
