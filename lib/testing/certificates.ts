import { createPrivateKey } from 'node:crypto'
import { CassandraStartError } from './error.ts'
import { loadPackage } from './package.ts'

/** A certificate and its private key, both PEM text. */
export interface Identity {
  readonly certificate: string
  /** PKCS#8, not encrypted. */
  readonly key: string
}

/** A server certificate and the CA that signed it. */
export interface Certificates extends Identity {
  /** The certificate of the CA as PEM text. */
  readonly ca: string
  /** A client certificate that the CA signed, if one was asked for. */
  readonly client: Identity | undefined
}

/**
 * Makes a new CA and a server certificate for the addresses and for localhost, valid for a year.
 * @param withClient also makes a client certificate.
 * @throws CassandraStartError when the package `selfsigned` is not installed.
 */
export async function makeCertificates(
  addresses: readonly string[],
  withClient: boolean,
): Promise<Certificates> {
  const { generate } = await loadPackage<typeof import('selfsigned')>('selfsigned').catch(error => {
    const install = '`tls` needs the package selfsigned: run `npm install --save-dev selfsigned`'
    throw new CassandraStartError(install, { cause: error })
  })
  const algorithm = 'sha256'
  const ca = await generate([{ name: 'commonName', value: 'cassandra-streams testing CA' }], {
    algorithm,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const sign = async (commonName: string, purpose: 'serverAuth' | 'clientAuth'): Promise<Identity> => {
    const signed = await generate([{ name: 'commonName', value: commonName }], {
      algorithm,
      ca: { key: ca.private, cert: ca.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
        { name: 'extKeyUsage', [purpose]: true },
        {
          name: 'subjectAltName',
          altNames: [{ type: 2, value: 'localhost' }, ...addresses.map(ip => ({ type: 7 as const, ip }))],
        },
      ],
    })
    const key = createPrivateKey(signed.private).export({ type: 'pkcs8', format: 'pem' })
    return { certificate: signed.cert, key: String(key) }
  }
  const node = await sign('localhost', 'serverAuth')
  return { ...node, ca: ca.cert, client: withClient ? await sign('loader', 'clientAuth') : undefined }
}
