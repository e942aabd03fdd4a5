/**
 * Rejects when `work` has not settled after `limit_ms`; its later outcome is dropped. The driver's own time limit does
 * not cover all that a request may wait for, such as a statement that is prepared.
 */
export function within<T>(limit_ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(noAnswer(limit_ms)), limit_ms)
    // A request that nobody waits for any more does not keep the process alive.
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

/** As the driver has it, so that one table tells both apart from other faults. */
export function noAnswer(limit_ms: number): Error {
  const error = new Error(`No answer came within ${Math.ceil(limit_ms)} ms`)
  error.name = 'OperationTimedOutError'
  return error
}
