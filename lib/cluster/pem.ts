import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { OptionError } from '../errors.ts'
import { refuse } from '../options/check.ts'
import { escaped } from '../options/shown.ts'
import { codeIn } from '../realm.ts'

/** Options that take PEM, as text or as the path of a file. */
export type PemOption = 'ssl_ca_cert' | 'ssl_client_cert' | 'ssl_client_key'

const kinds = {
  ssl_ca_cert: { label: 'CERTIFICATE-----', noun: 'a certificate' },
  ssl_client_cert: { label: 'CERTIFICATE-----', noun: 'a certificate' },
  ssl_client_key: { label: 'PRIVATE KEY-----', noun: 'a private key' },
} as const

/** Texts for errors of reading a file, by code. */
const readFailures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'that is a folder',
  EACCES: 'this process may not read it',
  EPERM: 'this process may not read it',
  ENAMETOOLONG: 'that is no path, and text in PEM begins with `-----BEGIN`',
}

const MOST_PATH = 255

/** Control characters and quotes, which a path rarely has and a damaged key may have, and the dashes around a key. */
const rareInPaths = /[\p{Cc}"'`]|-----|KEY--/u

/** Ends of lines as they are, as spaces, and as they are written in JSON. */
const breaks = /\s|\\[nr]/g

/** Text that may be a part of a key. */
const longRun = /[\w+/=]{40,}/g

const hexadecimal = /[\da-f]{40}/i

/**
 * PEM text, given directly or read from a path.
 * @throws OptionError that names the option and the path.
 */
export async function readPem(option: PemOption, given: string): Promise<string> {
  const { label, noun } = kinds[option]
  const isPath = !given.includes('-----BEGIN ')
  const where = isPath ? `in the file ${shownPath(given)}` : 'in its text'
  const text = isPath ? await readText(option, given) : given
  if (text.includes(label)) return text
  throw wrong(option, `${noun} in PEM, and found none ${where}; convert a Java keystore or a DER file first`)
}

async function readText(option: PemOption, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = codeIn(error) ?? 'unreadable'
    const reason = readFailures[code] ?? code
    throw wrong(option, `PEM text or the path of a readable file, got ${shownPath(path)}: ${reason}`)
  }
}

/** @throws OptionError when no certificate in the text can be read. */
export function checkAuthority(text: string): void {
  const blocks = text.split(/-----BEGIN (?:X509 )?CERTIFICATE-----/).slice(1)
  const isReadable = blocks.some(block => {
    const [body = ''] = block.split('-----END', 1)
    return parseCertificate(`-----BEGIN CERTIFICATE-----${body}-----END CERTIFICATE-----\n`) !== undefined
  })
  if (!isReadable) throw wrong('ssl_ca_cert', 'a certificate in PEM, and it is damaged')
}

/** @throws OptionError when one of them is damaged, or the key belongs to another certificate. */
export function checkPair(cert: string, key: string, passphrase: string | undefined): void {
  const certificate = parseCertificate(cert)
  if (certificate === undefined) throw wrong('ssl_client_cert', 'a certificate in PEM, and it is damaged')
  if (!belongs(parseKey(key, passphrase), certificate)) {
    throw wrong(
      'ssl_client_key',
      'the private key of `ssl_client_cert`, and it belongs to another certificate',
    )
  }
}

/** Whether a key belongs to a certificate. If the runtime cannot tell, the handshake does. */
function belongs(key: KeyObject, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(key)
  } catch {
    return true
  }
}

function parseCertificate(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text)
  } catch {
    return undefined
  }
}

function parseKey(key: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) })
  } catch {
    const isEncrypted = key.includes('ENCRYPTED')
    throw wrong(
      'ssl_client_key',
      isEncrypted
        ? 'a private key that `client_options.sslOptions.passphrase` decrypts'
        : 'a private key in PEM, and it is damaged',
    )
  }
}

/** A key that was damaged or given in another format counts as a path, and must not be shown. */
function shownPath(path: string): string {
  if (mayBeKey(path)) return `${path.length} characters`
  return `\`${escaped(path.slice(0, MOST_PATH))}${path.length > MOST_PATH ? '…' : ''}\``
}

function mayBeKey(text: string): boolean {
  if (rareInPaths.test(text.trimEnd()) || hexadecimal.test(text)) return true
  // Names of folders seldom have all three, and 40 characters in base64 nearly always have them.
  const isMixed = (run: string) => /[A-Z]/.test(run) && /[a-z]/.test(run) && /\d/.test(run)
  return text.replaceAll(breaks, '').match(longRun)?.some(isMixed) ?? false
}

function wrong(option: PemOption, expected: string): OptionError {
  return refuse(option, `Expected \`${option}\` to be ${expected}`)
}
