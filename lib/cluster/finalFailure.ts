import { ConnectionError, type HostFailure } from '../errors.ts'

const final = new WeakSet<ConnectionError>()

/** An error of connecting that no wait cures, because an option or the caller's client is wrong. */
export function finalFailure(message: string, hosts: readonly HostFailure[] = []): ConnectionError {
  const error = new ConnectionError('ERR_CASSANDRA_CONNECT', message, hosts)
  final.add(error)
  return error
}

export function isFinal(error: ConnectionError): boolean {
  return final.has(error)
}

/** Sinks add their counts to an error, so each gets a copy. */
export function copyOf(error: ConnectionError): ConnectionError {
  const copy = new ConnectionError(error.code, error.message, error.hosts)
  if (isFinal(error)) final.add(copy)
  return copy
}
