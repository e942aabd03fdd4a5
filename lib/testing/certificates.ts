import { createPrivateKey } from 'node:crypto'
import { CassandraStartError } from './error.ts'

/** A CA and a certificate signed by it, all PEM text. */
export interface Certificates {
  readonly ca: string
  readonly certificate: string
  /** PKCS#8, not encrypted. */
  readonly key: string
}

/**
 * Makes a new CA and a server certificate for the addresses and for localhost, valid for a year.
 * @throws CassandraStartError when the package `selfsigned` is not installed.
 */
export async function makeCertificates(addresses: readonly string[]): Promise<Certificates> {
  const { generate } = await import('selfsigned').catch(error => {
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
  const node = await generate([{ name: 'commonName', value: 'localhost' }], {
    algorithm,
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [{ type: 2, value: 'localhost' }, ...addresses.map(ip => ({ type: 7 as const, ip }))],
      },
    ],
  })
  const key = createPrivateKey(node.private).export({ type: 'pkcs8', format: 'pem' })
  return { ca: ca.cert, certificate: node.cert, key: String(key) }
}
