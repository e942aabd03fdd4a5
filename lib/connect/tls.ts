import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect, type PeerCertificate } from 'node:tls'
import { OptionError } from '../errors.ts'
import type { TlsSettings } from '../options/settings.ts'

/**
 * TLS options that verify, which the driver's own do not: it sets `rejectUnauthorized: false` unless told otherwise.
 * @throws OptionError when a file cannot be read.
 */
export async function tlsOptions(tls: TlsSettings, hosts: readonly string[]): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([
    pem('ssl_ca_cert', tls.ca),
    pem('ssl_client_cert', tls.cert),
    pem('ssl_client_key', tls.key),
  ])
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(tls.server_name !== undefined && { servername: tls.server_name }),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    checkServerIdentity: (dialled, certificate) => verifyName(dialled, certificate, tls.server_name, hosts),
  }
}

/**
 * The driver resolves contact points itself and dials addresses, so a certificate is right if it names the address
 * dialled or one of the names the user asked for.
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

async function pem(option: string, pathOrText: string | undefined): Promise<string | undefined> {
  if (pathOrText === undefined || pathOrText.includes('-----BEGIN ')) return pathOrText
  try {
    return await readFile(pathOrText, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    throw new OptionError(
      'ERR_CASSANDRA_OPTION',
      option,
      `Expected \`${option}\` to be PEM text or the path of a readable file (${reason})`,
    )
  }
}
