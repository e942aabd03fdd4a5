import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createSecureContext,
  type PeerCertificate,
} from 'node:tls'
import { refuse } from '../options/check.ts'
import type { TlsSettings } from '../options/settings.ts'
import { codeIn } from '../realm.ts'
import { checkAuthority, checkPair, type PemOption, readPem } from './pem.ts'

/**
 * TLS options that verify unless `ssl_verify` is false. The driver's own do not: it sets `rejectUnauthorized: false`
 * unless told otherwise.
 * @param own the caller's `client_options.sslOptions`, already checked.
 * @throws OptionError when a file cannot be read or used, or a key belongs to another certificate.
 */
export async function tlsOptions(
  tls: TlsSettings,
  hosts: readonly string[],
  own: ConnectionOptions = {},
): Promise<ConnectionOptions> {
  const read = async (option: PemOption, given: string | undefined) =>
    given === undefined ? undefined : readPem(option, given)
  const [ca, cert, key] = await Promise.all([
    read('ssl_ca_cert', tls.ca),
    read('ssl_client_cert', tls.cert),
    read('ssl_client_key', tls.key),
  ])
  if (ca !== undefined) checkAuthority(ca)
  if (cert !== undefined && key !== undefined) checkPair(cert, key, own.passphrase)
  const servername = tls.server_name ?? own.servername
  const options: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    checkServerIdentity: (dialled, certificate) => verifyName(dialled, certificate, servername, hosts),
    ...own,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    rejectUnauthorized: tls.verify,
  }
  checkContext(options)
  return options
}

/** Finds faults in the caller's own options before a host is dialled, so that no host is blamed for them. */
function checkContext(options: ConnectionOptions): void {
  try {
    createSecureContext(options)
  } catch (error) {
    const code = codeIn(error)
    const expected = 'Expected `client_options.sslOptions` to make a TLS context'
    throw refuse('client_options', `${expected}${code === undefined ? '' : ` (${code})`}`)
  }
}

/**
 * The driver resolves contact points itself and dials addresses. A certificate is therefore right if it names the dialled
 * address or one of the names that the user gave.
 */
function verifyName(
  dialled: string,
  certificate: PeerCertificate,
  serverName: string | undefined,
  hosts: readonly string[],
): Error | undefined {
  const names = serverName === undefined ? [dialled, ...hosts.filter(host => isIP(host) === 0)] : [serverName]
  const problems = names.map(name => checkServerIdentity(name, certificate))
  return problems.includes(undefined) ? undefined : problems[0]
}

/** Whether a server that hung up on a plain client answers a TLS handshake. Its certificate does not matter here. */
export async function speaksTls(host: string, port: number, timeout_ms: number): Promise<boolean> {
  const socket = connect({ host, port, rejectUnauthorized: false, timeout: timeout_ms })
  try {
    return await new Promise<boolean>(resolve => {
      socket.once('secureConnect', () => resolve(true))
      for (const event of ['error', 'close', 'timeout']) socket.once(event, () => resolve(false))
    })
  } finally {
    socket.on('error', () => {})
    socket.destroy()
  }
}
