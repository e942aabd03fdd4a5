import { isIPv6 } from 'node:net'
import process from 'node:process'
import type { ConnectionSettings } from '../options/settings.ts'

let hasWarned = false

/**
 * Warns once per process when `username` and `password` go over a network without TLS. Loopback addresses do not count.
 * @param addresses of the nodes that get the login, resolved
 */
export function warnOfPlainCredentials(
  { credentials, usesTls }: Pick<ConnectionSettings, 'credentials' | 'usesTls'>,
  addresses: Iterable<string>,
): void {
  if (hasWarned || credentials === undefined || usesTls) return
  const exposed = [...addresses].find(address => !isLoopback(address))
  if (exposed === undefined) return
  hasWarned = true
  process.emitWarning(
    `\`username\` and \`password\` are sent to ${exposed} without TLS. Anyone on the network path can read them. ` +
      'Set `ssl_enabled` to true',
    { type: 'CassandraStreamsWarning', code: 'CASSANDRA_STREAMS_PLAIN_CREDENTIALS' },
  )
}

/** 127.0.0.0/8, ::1, and 127.0.0.0/8 mapped to IPv6, in the spelling of URLs. */
const loopback = /^(?:127\.|\[::1\]$|\[::ffff:7f[\da-f]{2}:)/

function isLoopback(address: string): boolean {
  const url = `http://${isIPv6(address) ? `[${address}]` : address}`
  // An address with a zone does not parse as a URL and is never loopback.
  return URL.canParse(url) && loopback.test(new URL(url).hostname)
}
