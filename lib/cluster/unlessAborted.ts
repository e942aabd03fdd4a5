/** Settles like `work`. If the signal is aborted first, rejects with its reason. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason)
    const end = (value: T) => (signal.aborted ? leave() : resolve(value))
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    work.then(end, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
