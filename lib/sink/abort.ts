import { addAbortSignal, type Readable, type Writable } from 'node:stream'

/** Actions per signal. Each signal gets one listener, because Node warns of a leak at the eleventh. */
const acts = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `act` when the signal is aborted, or now if it already is.
 * @returns a function that cancels it
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act()
    return () => {}
  }
  const known = acts.get(signal)
  const all = known ?? new Set()
  if (known === undefined) {
    acts.set(signal, all)
    signal.addEventListener('abort', actOnAll)
  }
  all.add(act)
  return () => {
    all.delete(act)
    if (all.size > 0 || acts.get(signal) !== all) return
    acts.delete(signal)
    signal.removeEventListener('abort', actOnAll)
  }
}

function actOnAll(this: AbortSignal): void {
  const all = acts.get(this) ?? []
  acts.delete(this)
  for (const act of all) act()
}

/** Destroys the stream with Node's AbortError when the signal is aborted. */
export function abortWith(signal: AbortSignal, stream: Readable | Writable): void {
  const own = new AbortController()
  addAbortSignal(own.signal, stream)
  stream.once(
    'close',
    onAbort(signal, () => own.abort(signal.reason)),
  )
}
