import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkAuthority, checkPair, readPem } from '../../../lib/cluster/pem.ts'
import { OptionError } from '../../../lib/index.ts'

const make = (name: string) => generate([{ name: 'commonName', value: name }], { algorithm: 'sha256' })
const damaged = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'

let folder: string
let one: Awaited<ReturnType<typeof make>>
let other: typeof one
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cassandra-streams-pem-'))
  ;[one, other] = await Promise.all([make('one'), make('other')])
})
afterAll(() => rm(folder, { recursive: true }))

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

async function refusal(work: () => unknown): Promise<OptionError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error('Expected a refusal')
}

describe('PEM', () => {
  it('is given as text, or read from a file', async () => {
    expect(await readPem('ssl_ca_cert', one.cert)).toBe(one.cert)
    expect(await readPem('ssl_ca_cert', await file('ca.pem', one.cert))).toBe(one.cert)
  })

  it.each(['ssl_ca_cert', 'ssl_client_cert', 'ssl_client_key'] as const)(
    'that cannot be read leads to an error with %s, the path and the problem',
    async option => {
      const problem = async (path: string) => {
        const { code, message, option: named } = await refusal(() => readPem(option, path))
        expect({ code, named }).toEqual({ code: 'ERR_CASSANDRA_OPTION', named: option })
        expect(message).toContain(`\`${option}\``)
        expect(message).toContain(`\`${path}\``)
        return message
      }
      expect(await problem('/nowhere/x.pem')).toContain('there is no such file')
      expect(await problem(folder)).toContain('that is a folder')
      const hidden = await file('hidden.pem', one.cert)
      await chmod(hidden, 0)
      // root may read everything.
      if (process.getuid?.() !== 0) expect(await problem(hidden)).toContain('may not read it')
      const store = await file('truststore.jks', Buffer.from('feedfeed0000000200000001', 'hex'))
      expect(await problem(store)).toContain('convert a Java keystore')
    },
  )

  it('of the wrong kind is refused, and the error does not show it', async () => {
    const { message } = await refusal(() => readPem('ssl_ca_cert', one.private))
    expect(message).toContain('Expected `ssl_ca_cert` to be a certificate in PEM, and found none in its text')
    expect(message).not.toContain(one.private.slice(40, 60))
    expect((await refusal(() => readPem('ssl_client_key', one.cert))).message).toContain(
      'a private key in PEM',
    )
  })

  it('without its first line is not shown as a path', async () => {
    const body = one.private.split('\n').slice(1, -2)
    for (const text of [body.join('\n'), body.join(''), body.slice(0, 2).join('')]) {
      const { message } = await refusal(() => readPem('ssl_client_key', text))
      expect(message).not.toContain(text.slice(0, 20))
      expect(message.length).toBeLessThan(500)
    }
  })

  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const sec1 = privateKey.export({ type: 'sec1', format: 'pem' }).toString()
  const der = privateKey.export({ type: 'pkcs8', format: 'der' })
  const { d = '' } = privateKey.export({ format: 'jwk' })
  const secrets = [
    ...[pem, sec1].flatMap(text => text.split('\n').slice(1, -2)),
    d,
    der.toString('hex'),
    der.subarray(36, 60).toString('latin1'),
  ]

  describe.each([
    ['without its first line', (text: string) => text.split('\n').slice(1).join('\n')],
    ['without its first line, in CRLF', (text: string) => text.split('\n').slice(1).join('\r\n')],
    ['without its first line break', (text: string) => text.split('\n').slice(1).join('')],
    ['without dashes', (text: string) => text.replaceAll('-', '')],
    ['without its first and last line', (text: string) => text.split('\n').slice(1, -2).join('\n')],
    ['of one line', (text: string) => text.split('\n')[1] ?? ''],
    ['with a written \\n', (text: string) => text.split('\n').slice(1, -2).join('\\n')],
    ['in lines of 32', (text: string) => text.split('\n').slice(1, -2).join('').replaceAll(/.{32}/g, '$&\n')],
    ['in words of 32', (text: string) => text.split('\n').slice(1, -2).join('').replaceAll(/.{32}/g, '$& ')],
    ['in quotes', (text: string) => JSON.stringify(text.split('\n').slice(1).join('\n'))],
    ['with a path before it', (text: string) => `/run/secrets/${text.split('\n').slice(1, -2).join('')}`],
    ['in DER as latin1', () => der.toString('latin1')],
    ['in DER as UTF-8', () => der.toString()],
    ['in hexadecimal', () => der.toString('hex')],
    ['as a JWK', () => JSON.stringify(privateKey.export({ format: 'jwk' }))],
  ])('with a key %s', (_, damage) => {
    it.each(['ssl_ca_cert', 'ssl_client_cert', 'ssl_client_key'] as const)(
      'is not shown in the error for %s',
      async option => {
        for (const text of [pem, sec1]) {
          const { message } = await refusal(() => readPem(option, damage(text)))
          for (const secret of secrets) {
            const parts = Array.from({ length: secret.length - 7 }, (_, at) => secret.slice(at, at + 8))
            expect(parts.filter(part => message.includes(part))).toEqual([])
          }
          expect(message).toMatch(/, got \d+ characters: /)
        }
      },
    )
  })

  it.each([
    'client.key',
    './Certs/KEY (copy).pem',
    '/etc/ssl/private/cassandra/production/eu/client/key',
    '/var/run/secrets/kubernetes.io/serviceaccount/Client-2024-cassandra-streams_loader.key',
    String.raw`C:\Users\loader\certs\key.pem`,
    '\\\\files\\certs\\schlüssel.pem',
  ])('that is no file is shown, because it looks like a path: %s', async path => {
    expect((await refusal(() => readPem('ssl_client_key', path))).message).toContain(`\`${path}\``)
  })

  it('is shown with a line feed at its end, which an environment variable may have', async () => {
    const { message } = await refusal(() => readPem('ssl_client_key', 'client.key\r\n'))
    expect(message).toContain('`client.key\\u{d}\\u{a}`')
  })
})

describe('a certificate authority', () => {
  it('may have several certificates, of which one must be readable', () => {
    expect(() => checkAuthority(one.cert)).not.toThrow()
    expect(() => checkAuthority(`# old\n${damaged}# new\n${one.cert}${other.cert}`)).not.toThrow()
  })

  it('that is damaged is refused', async () => {
    expect((await refusal(() => checkAuthority(damaged))).message).toContain('`ssl_ca_cert`')
  })
})

describe('a client certificate and its key', () => {
  it('are accepted if they belong together, encrypted or not', () => {
    expect(() => checkPair(one.cert, one.private, undefined)).not.toThrow()
  })

  it('are refused if the key belongs to another certificate', async () => {
    const { privateKey: elliptic } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = elliptic.export({ type: 'pkcs8', format: 'pem' }).toString()
    for (const key of [other.private, pem]) {
      expect(await refusal(() => checkPair(one.cert, key, undefined))).toMatchObject({
        option: 'ssl_client_key',
        message: expect.stringContaining('it belongs to another certificate'),
      })
    }
  })

  it('are refused if one of them is damaged, and the error names it', async () => {
    expect(await refusal(() => checkPair(damaged, one.private, undefined))).toMatchObject({
      option: 'ssl_client_cert',
    })
    const cut = `${one.private.slice(0, 200)}\n-----END PRIVATE KEY-----\n`
    expect(await refusal(() => checkPair(one.cert, cut, undefined))).toMatchObject({
      option: 'ssl_client_key',
      message: expect.stringContaining('damaged'),
    })
  })

  it('lead to an error about the passphrase if an encrypted key needs one, which does not show a given one', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const encryption = { cipher: 'aes-256-cbc', passphrase: 'sesame' }
    const key = privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString()
    for (const passphrase of [undefined, 'wr0ng']) {
      const { message } = await refusal(() => checkPair(one.cert, key, passphrase))
      expect(message).toContain('`client_options.sslOptions.passphrase`')
      expect(message).not.toContain('wr0ng')
    }
    expect((await refusal(() => checkPair(one.cert, key, 'sesame'))).message).toContain('another certificate')
  })
})
