import { inspect } from 'node:util'
import {
  CassandraStreamsError,
  ConnectionError,
  type ConnectionErrorCode,
  type HostFailure,
} from '../errors.ts'
import { refuse } from '../options/check.ts'
import type { ConnectionSettings } from '../options/settings.ts'
import { errorsIn, isNamed } from '../realm.ts'
import { finalFailure } from './finalFailure.ts'
import { speaksTls } from './tls.ts'

/** The common shape of the driver's errors. Checked by shape, because a borrowed client may come from another copy of it. */
interface DriverFailure {
  readonly name?: string
  readonly message: string
  readonly code?: string | number
  readonly syscall?: string
  readonly innerErrors?: Readonly<Record<string, DriverFailure | string | null>> | null
}

/** Maximum number of characters that a message quotes. */
const MOST_WORDS = 500

/** The driver's message about all hosts. Without a reason per host, it tried none. */
const NO_HOST_TRIED = 'All host(s) tried for query failed.'

/** The driver's message when no name resolves. */
const NO_HOST_RESOLVED = 'No host could be resolved'

/** Maximum number of hosts that are quoted in one sentence, and in a list. */
const MOST_HOSTS = 3
const MOST_LISTED = 10

/** Milliseconds for a TLS handshake with a server that hung up, to find out whether it speaks TLS. */
const PROBE_TIMEOUT_MS = 2_000

/**
 * Turns a driver error before the first row into an error that names each host and its reason. Only the text of the driver's
 * error is kept: the error may hold the client, and with it the password.
 */
export async function explainConnectFailure(error: unknown, settings: ConnectionSettings): Promise<unknown> {
  if (error instanceof CassandraStreamsError || isNamed(error, 'AbortError')) return error
  const failure = (error ?? { message: '' }) as DriverFailure
  const inner = Object.entries(failure.innerErrors ?? {})
  const failures = inner.length > 0 ? inner.map(([, cause]) => cause) : [failure]
  for (const one of [failure, ...failures]) {
    const refused = typeof one === 'object' && one !== null ? refusedOption(one, settings) : undefined
    if (refused !== undefined) return refused
  }
  const hosts =
    inner.length > 0
      ? inner.map(([host, cause]) => ({ host, reason: reasonOf(cause) }))
      : settings.hosts.map(host => ({ host: `${host}:${settings.port}`, reason: wordsOf(failure) }))
  const code = codeOf(failures, settings) ?? (await codeOfHangUp(inner, settings))
  // The hosts of a borrowed client are unknown here.
  const reasons = hosts.length > 0 ? list(hosts) : `: ${wordsOf(failure)}`
  const text = `${(hasBundle(settings) ? bundleHeadlines[code] : undefined) ?? headlines[code]}${reasons}`
  if (mistakes.has(failure.name ?? '')) return finalFailure(text, hosts)
  return new ConnectionError(code, text, hosts)
}

function hasBundle({ tls, usesTls }: ConnectionSettings): boolean {
  return usesTls && tls === undefined
}

/** Names of errors that show a mistake, and not the state of a server. */
const mistakes: ReadonlySet<string> = new Set([
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'ArgumentError',
  'DriverInternalError',
  'NotSupportedError',
])

/** A wrong option that the driver found. It has no codes for these, only texts. */
function refusedOption(failure: DriverFailure, settings: ConnectionSettings): Error | undefined {
  const { name, message, syscall } = failure
  const { client, client_options } = settings
  const [, given, names] = unknownDatacenter.exec(message) ?? []
  if (names !== undefined) {
    const option = client === undefined ? '`local_datacenter`' : 'The `localDataCenter` of the `client`'
    return finalFailure(`${option} is wrong: the cluster has ${wordsOf(names)}, not \`${given}\``)
  }
  if (hasBundle(settings) && syscall === 'open') {
    const expected = 'Expected `client_options.cloud.secureConnectBundle` to be a readable file'
    return refuse('client_options', `${expected}: ${wordsOf(failure)}`)
  }
  if (client_options !== undefined && name === 'TypeError' && / (?:must|should) be /.test(message)) {
    const expected = 'Expected `client_options` to be what cassandra-driver takes'
    return refuse('client_options', `${expected}: ${wordsOf(failure)}`)
  }
  return undefined
}

const unknownDatacenter = /^localDataCenter was configured as '(.*)'.* in data centers: \[(.*)\]$/s

/** A node that speaks only TLS resets the connection of a plain client without a message. */
async function codeOfHangUp(
  inner: readonly [string, DriverFailure | string | null][],
  settings: ConnectionSettings,
): Promise<ConnectionErrorCode> {
  const hungUp = inner.find(([, cause]) => isHangUp(cause))
  if (hungUp === undefined || settings.usesTls) return 'ERR_CASSANDRA_CONNECT'
  const [endpoint] = hungUp
  const address = endpoint.slice(0, endpoint.lastIndexOf(':'))
  const isTls = await speaksTls(address, settings.port, PROBE_TIMEOUT_MS)
  return isTls ? 'ERR_CASSANDRA_TLS_REQUIRED' : 'ERR_CASSANDRA_CONNECT'
}

/** A reset, or the end of a connection without a message. */
function isHangUp(cause: DriverFailure | string | null): boolean {
  if (typeof cause !== 'object' || cause === null) return false
  return cause.code === 'ECONNRESET' || cause.message === 'Socket was closed'
}

function reasonOf(cause: DriverFailure | string | null): string {
  const words = hostWords(cause)
  return isHangUp(cause)
    ? `${words}; the server may still be starting, or \`port\` may not be that of CQL`
    : words
}

export function connectTimeout(settings: ConnectionSettings): ConnectionError {
  const hosts = settings.hosts.map(host => ({
    host: `${host}:${settings.port}`,
    reason: `no answer within ${settings.request_timeout_ms} ms`,
  }))
  const code = 'ERR_CASSANDRA_CONNECT_TIMEOUT'
  return new ConnectionError(code, `${headlines[code]}${list(hosts)}`, hosts)
}

const headlines: Record<ConnectionErrorCode, string> = {
  ERR_CASSANDRA_CONNECT: 'No host could be used',
  ERR_CASSANDRA_CONNECT_TIMEOUT: 'Connecting took longer than `request_timeout_ms`',
  ERR_CASSANDRA_AUTH: 'Cassandra refused the login: check `username` and `password`',
  ERR_CASSANDRA_TLS_UNTRUSTED: 'The certificate is not signed by a trusted authority: check `ssl_ca_cert`',
  ERR_CASSANDRA_TLS_HOST_NAME:
    'The certificate is for another host: check `host`, or name the host it carries with `ssl_server_name`',
  ERR_CASSANDRA_TLS_REQUIRED: 'The server speaks TLS on this port: set `ssl_enabled` to true',
  ERR_CASSANDRA_TLS_NOT_OFFERED:
    'The server does not speak TLS on this port: check `port`, or leave out `ssl_enabled`',
  ERR_CASSANDRA_TLS_CLIENT_CERT:
    'The server refuses TLS without a client certificate that it trusts: check `ssl_client_cert` and `ssl_client_key`',
}

/** With a cloud bundle, in place of those that name options that the bundle replaces. */
const bundleHeadlines: Partial<Record<ConnectionErrorCode, string>> = {
  ERR_CASSANDRA_TLS_UNTRUSTED:
    'The certificate is not signed by the authority of the cloud bundle: download a new bundle',
  ERR_CASSANDRA_TLS_HOST_NAME:
    'The certificate is for another host than that of the cloud bundle: download a new bundle',
  ERR_CASSANDRA_TLS_NOT_OFFERED:
    'The server that the cloud bundle names does not speak TLS: download a new bundle',
  ERR_CASSANDRA_TLS_CLIENT_CERT:
    'The server refuses the client certificate of the cloud bundle: download a new bundle',
}

const untrusted: ReadonlySet<unknown> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
])

/** TLS alerts by which a server refuses a client certificate or its absence. */
const clientRefused: ReadonlySet<unknown> = new Set([
  'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
  'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
  'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
  'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
  'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
  // What Cassandra sends for a certificate of an authority that it does not know.
  'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR',
  // What it sends in TLS 1.2 when there is none.
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
])

function codeOf(
  failures: readonly (DriverFailure | string | null)[],
  settings: ConnectionSettings,
): ConnectionErrorCode | undefined {
  const code = failures.map(failure => codeOfOne(failure, settings)).find(code => code !== undefined)
  const isLate = failures.every(
    failure => typeof failure === 'object' && failure?.name === 'OperationTimedOutError',
  )
  return code ?? (isLate ? 'ERR_CASSANDRA_CONNECT_TIMEOUT' : undefined)
}

/** Cassandra's message when it cannot read its roles, for example while it starts. The login may be right. */
const unchecked = /unable to perform authentication/i

function codeOfOne(
  failure: DriverFailure | string | null,
  settings: ConnectionSettings,
): ConnectionErrorCode | undefined {
  if (failure === null || typeof failure === 'string') return undefined
  const { code } = failure
  const isLogin = code === 0x0100 || failure.name === 'AuthenticationError'
  if (isLogin && !unchecked.test(failure.message)) return 'ERR_CASSANDRA_AUTH'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'ERR_CASSANDRA_TLS_HOST_NAME'
  if (untrusted.has(code)) return 'ERR_CASSANDRA_TLS_UNTRUSTED'
  if (settings.usesTls && code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return 'ERR_CASSANDRA_TLS_NOT_OFFERED'
  }
  if (settings.usesTls && clientRefused.has(code)) return 'ERR_CASSANDRA_TLS_CLIENT_CERT'
  return undefined
}

function list(hosts: readonly HostFailure[]): string {
  const lines = hosts.slice(0, MOST_LISTED).map(({ host, reason }) => `\n  ${host}: ${reason}`)
  const others = hosts.length - lines.length
  return [...lines, ...(others > 0 ? [`\n  and ${others} other hosts`] : [])].join('')
}

/** Why a host could not be used. The driver has null for a host that it did not try. */
function hostWords(cause: unknown): string {
  return cause === null || cause === undefined ? 'not tried' : wordsOf(cause)
}

/**
 * The message of an error of the driver, the server or the system, at most 500 characters long. Without the stack traces that
 * the driver puts into messages. With the reason per host where the driver only says that all hosts failed.
 */
export function wordsOf(error: unknown): string {
  if (error === null || error === undefined) return 'no reason given'
  if (typeof error !== 'object') return tidy(String(error))
  const { name, message, code, innerErrors } = error as Partial<DriverFailure>
  const inner = Object.entries(innerErrors ?? {})
  if (inner.length > 0) {
    const quoted = inner.slice(0, MOST_HOSTS).map(([host, cause]) => `${host}: ${hostWords(cause)}`)
    const others = inner.length - quoted.length
    return tidy([...quoted, ...(others > 0 ? [`and ${others} other hosts`] : [])].join('; '))
  }
  if (message === NO_HOST_TRIED) return 'every host was marked as down by then'
  // For a name with several addresses, Node reports an error without a message.
  const several = errorsIn(error)
  if (!message && several !== undefined) return tidy(several.map(wordsOf).join('; '))
  if (message === NO_HOST_RESOLVED) return 'its name does not resolve to an address'
  // A caller may throw anything.
  const text = typeof message === 'string' ? message : message && inspect(message, { depth: 1 })
  return tidy(text || String(code ?? (name || 'no reason given')))
}

/** An error for subscribers of diagnostics. The driver's own error may hold the client, and with it the password. */
export function publicError(error: unknown): Error {
  const { code } = error as { readonly code?: unknown }
  const shown = new Error(wordsOf(error))
  shown.stack = `${shown.name}: ${shown.message}`
  return typeof code === 'number' || typeof code === 'string' ? Object.assign(shown, { code }) : shown
}

/** `80DC…:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/…` */
const openssl = /(?:[\dA-F]{8,}:)?error:[\dA-F]+:[^:]*:[^:]*:([^:\n]+)(?::[^:\n]*:\d+)?(?::[^:\n]*)?/g

function tidy(words: string): string {
  const plain = words
    .slice(0, 8 * MOST_WORDS)
    .replace(/\n[ \t]+at [^\n]*/g, '')
    .replace(/\.? See innerErrors\.?/g, '')
    .replace(openssl, '$1')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return plain.length <= MOST_WORDS ? plain : `${plain.slice(0, MOST_WORDS).replace(/[\uD800-\uDBFF]$/, '')}…`
}
