import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerCertificate } from 'node:tls'
import { generate } from 'selfsigned'
import { describe, expect, it, onTestFinished } from 'vitest'
import { speaksTls, tlsOptions } from '../../../lib/cluster/tls.ts'

const none = { ca: undefined, cert: undefined, key: undefined, server_name: undefined, verify: true }

describe('TLS options', () => {
  it('verify, and refuse versions older than TLS 1.2', async () => {
    expect(await tlsOptions(none, ['db1'])).toMatchObject({ rejectUnauthorized: true, minVersion: 'TLSv1.2' })
  })

  it("use Node's list of authorities if none is given", async () => {
    expect(await tlsOptions(none, [])).not.toHaveProperty('ca')
  })

  it('have the certificates of the options, from text and from files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cassandra-streams-tls-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'x' }], {
      algorithm: 'sha256',
    })
    const path = join(folder, 'ca.pem')
    await writeFile(path, cert)
    expect(await tlsOptions({ ...none, ca: path, cert, key }, [])).toMatchObject({ ca: cert, cert, key })
  })

  it('verify whatever the driver options say, and have their other settings', async () => {
    for (const rejectUnauthorized of [true, false, undefined] as boolean[]) {
      expect(await tlsOptions(none, [], { rejectUnauthorized, ALPNProtocols: ['cql'] })).toMatchObject({
        rejectUnauthorized: true,
        ALPNProtocols: ['cql'],
      })
    }
    expect(await tlsOptions({ ...none, verify: false }, [])).toMatchObject({ rejectUnauthorized: false })
  })

  it('lead to an error about the driver options if no TLS context can be created from them', async () => {
    await expect(tlsOptions(none, [], { ciphers: 'none-such' })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: 'client_options',
      message: expect.stringContaining('ERR_SSL_NO_CIPHER_MATCH'),
    })
  })
})

describe('the name in a certificate', () => {
  const certificate = {
    subject: { CN: 'node' },
    subjectaltname: 'DNS:db1.example.com, DNS:*.wild.example.com, IP Address:10.0.0.1',
  } as unknown as PeerCertificate

  async function verify(dialled: string, hosts: string[], server_name?: string): Promise<Error | undefined> {
    const { checkServerIdentity } = await tlsOptions({ ...none, server_name }, hosts)
    return checkServerIdentity?.(dialled, certificate)
  }

  it('may be the dialled address', async () => {
    expect(await verify('10.0.0.1', ['10.0.0.1'])).toBeUndefined()
  })

  it('may be the name in `host` that the driver has resolved', async () => {
    expect(await verify('10.0.0.9', ['db1.example.com'])).toBeUndefined()
    expect(await verify('10.0.0.9', ['other.example.com', 'a.wild.example.com'])).toBeUndefined()
  })

  it('may not be any other name', async () => {
    expect(await verify('10.0.0.9', ['db2.example.com'])).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  it('may not be another address of the options', async () => {
    // Each address is verified for itself, so one node cannot pretend to be another.
    expect(await verify('10.0.0.9', ['10.0.0.1', '10.0.0.9'])).toBeInstanceOf(Error)
  })

  it("must be the driver options' servername if that is given", async () => {
    const { checkServerIdentity } = await tlsOptions(none, ['db1.example.com'], {
      servername: 'db2.example.com',
    })
    expect(checkServerIdentity?.('db2.example.com', certificate)).toBeInstanceOf(Error)
  })

  it('must be ssl_server_name if that is given, whatever was dialled', async () => {
    expect(await verify('10.0.0.9', ['10.0.0.9'], 'db1.example.com')).toBeUndefined()
    expect(await verify('10.0.0.1', ['db1.example.com'], 'db2.example.com')).toBeInstanceOf(Error)
  })
})

describe('probing a server for TLS', () => {
  it('returns false if nothing listens', async () => {
    expect(await speaksTls('127.0.0.1', 1, 1_000)).toBe(false)
  })

  it('returns false if the server never answers', async () => {
    const sockets: Socket[] = []
    const silent = createServer(socket => sockets.push(socket))
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    expect(await speaksTls('127.0.0.1', port, 50)).toBe(false)
    expect(sockets.length).toBe(1)
  })
})
