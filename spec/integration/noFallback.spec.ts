import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer, connect as dialTcp, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { createServer, connect as dial, type TlsOptions } from 'node:tls'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { makeCertificates } from '../../lib/testing/certificates.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { expectHidden } from '../leaks.ts'

const login = { username: 'l0ader-canary', password: 'c4nary-in-the-clear' }

let cassandra: Cassandra
let admin: Client
let target: CassandraWritableOptions

beforeAll(async () => {
  cassandra = await startCassandra({ auth: true, tls: true })
  const { ca = '', contactPoints, localDataCenter, username = '', password = '' } = cassandra
  const sslOptions = { ca, rejectUnauthorized: true }
  admin = new Client({ contactPoints, localDataCenter, credentials: { username, password }, sslOptions })
  await admin.execute(
    `CREATE KEYSPACE clear WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await admin.execute('CREATE TABLE clear.t (id int PRIMARY KEY)')
  await admin.execute(`CREATE ROLE "${login.username}" WITH PASSWORD = '${login.password}' AND LOGIN = true`)
  await admin.execute(`GRANT MODIFY ON clear.t TO "${login.username}"`)
  const at = { host: '127.0.0.1', keyspace: 'clear', table: 't' }
  target = { ...at, ...login, ssl_enabled: true, ssl_ca_cert: ca, request_timeout_ms: 3_000 }
})
afterAll(async () => {
  await admin?.shutdown()
  await cassandra?.stop()
})

const sinkAt = (port: number, change: Partial<CassandraWritableOptions> = {}) =>
  createCassandraWritable({ ...target, port, ...change })

const load = (port: number, change: Partial<CassandraWritableOptions> = {}) =>
  pipeline(Readable.from([{ id: 1 }]), sinkAt(port, change))

/** A proxy that records every byte that the sink sends, per connection. */
async function listen(behind: (client: Socket) => void) {
  const connections: Buffer[][] = []
  const sockets = new Set<Socket>()
  const proxy = { behind, connections, sockets, port: 0 }
  const server = createTcpServer(socket => {
    const heard: Buffer[] = []
    connections.push(heard)
    sockets.add(socket)
    socket.on('data', chunk => heard.push(chunk))
    socket.on('error', () => {})
    proxy.behind(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  proxy.port = (server.address() as AddressInfo).port
  return proxy
}

const passOn =
  (port: number, host = '127.0.0.1') =>
  (client: Socket) => {
    const server = dialTcp({ host, port })
    client.pipe(server).pipe(client)
    server.on('error', () => client.destroy())
    client.on('close', () => server.destroy())
  }

/** First byte of a TLS handshake. A CQL frame begins with the version of its protocol, 3 to 5. */
const HANDSHAKE = 0x16

function expectOnlyTls(connections: readonly Buffer[][]): void {
  expect(connections.length).toBeGreaterThan(0)
  const streams = connections.map(heard => Buffer.concat(heard)).filter(bytes => bytes.length > 0)
  expect(streams.map(bytes => bytes[0])).toEqual(streams.map(() => HANDSHAKE))
  for (const secret of Object.values(login)) {
    expectHidden(
      secret,
      streams.map(bytes => bytes.toString('latin1')),
    )
  }
}

/** OpenSSL allows TLS 1.1 only at its lowest security level. With this on both sides, only the version matters. */
const ciphers = 'DEFAULT@SECLEVEL=0'

/** Terminates TLS with an untrusted certificate and passes everything on to the real server. */
async function endTls(options: TlsOptions) {
  const { ca, certificate, key } = await makeCertificates(['127.0.0.1'], false)
  const versions: (string | null)[] = []
  const server = createServer({ cert: certificate, key, ciphers, ...options }, near => {
    versions.push(near.getProtocol())
    const far = dial({ host: '127.0.0.1', port: cassandra.port, ca: cassandra.ca ?? '' })
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
  })
  server.on('tlsClientError', () => {})
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, ca, versions }
}

describe('a sink with TLS', () => {
  it('sends a Cassandra without TLS nothing but the beginning of a handshake', async () => {
    const { host, port } = inject('cassandra')
    const proxy = await listen(passOn(port, host))
    await expect(load(proxy.port)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TLS_NOT_OFFERED' })
    expectOnlyTls(proxy.connections)
  })

  it.each<[string, string, (client: Socket) => void]>([
    ['hangs up at once', 'ERR_CASSANDRA_CONNECT', client => void client.end()],
    ['resets at once', 'ERR_CASSANDRA_CONNECT', client => void client.resetAndDestroy()],
    [
      'hangs up during the handshake',
      'ERR_CASSANDRA_CONNECT',
      client => void client.on('data', () => client.end()),
    ],
    [
      'answers in plain text',
      'ERR_CASSANDRA_TLS_NOT_OFFERED',
      client => void client.write('Use plain text\n'),
    ],
    [
      'answers with a plain CQL frame that asks for a login',
      'ERR_CASSANDRA_TLS_NOT_OFFERED',
      client => void client.write(authenticate),
    ],
    ['never answers', 'ERR_CASSANDRA_CONNECT_TIMEOUT', () => {}],
  ])('sends nothing else to a server that %s', async (_, code, behind) => {
    const proxy = await listen(behind)
    await expect(load(proxy.port, { request_timeout_ms: 3_000 })).rejects.toMatchObject({ code })
    expectOnlyTls(proxy.connections)
  })

  it('would be caught if it sent the login', async () => {
    const proxy = await listen(client => void client.on('data', () => client.write(authenticate)))
    const plain = { ssl_enabled: false, ssl_ca_cert: undefined, request_timeout_ms: 3_000 }
    await expect(load(proxy.port, plain)).rejects.toThrow()
    expect(() => expectOnlyTls(proxy.connections)).toThrow()
    expect(Buffer.concat(proxy.connections.flat()).includes(login.password)).toBe(true)
  })
})

/** A frame of protocol version 4 for stream 0 that asks for a login: AUTHENTICATE with the name of this class. */
const authenticator = 'org.apache.cassandra.auth.PasswordAuthenticator'
const authenticate = Buffer.from([
  ...[0x84, 0, 0, 0, 0x03, 0, 0, 0, authenticator.length + 2, 0, authenticator.length],
  ...Buffer.from(authenticator),
])

describe('a server that is swapped in while a sink writes', () => {
  it.each<[string, () => Promise<(client: Socket) => void>]>([
    ['a Cassandra without TLS', async () => passOn(inject('cassandra').port, inject('cassandra').host)],
    ['a server with a certificate of another authority', async () => passOn((await endTls({})).port)],
  ])('gets no login and no row: %s', async (_, other) => {
    const proxy = await listen(passOn(cassandra.port))
    // Long, because the node may be busy with other specs when the sink opens.
    const times = { wait_for_server_ms: 60_000, retry_timeout_ms: 8_000, request_timeout_ms: 2_000 }
    const sink = sinkAt(proxy.port, { ...times, rows_per_batch: 1 })
    const end = finished(sink)
    sink.write({ id: 10 })
    await Promise.race([end, vi.waitUntil(() => sink.stats.rows_written === 1, { timeout: 90_000 })])
    proxy.behind = await other()
    const before = proxy.connections.length
    for (const socket of proxy.sockets) socket.destroy()
    sink.end({ id: 11 })
    await expect(end).rejects.toMatchObject({ code: 'ERR_CASSANDRA_RETRY_TIMEOUT' })
    expectOnlyTls(proxy.connections.slice(before))
    const { rows } = await admin.execute('SELECT id FROM clear.t WHERE id IN (10, 11)')
    expect(rows.map(row => row['id'])).toEqual([10])
  })
})

describe('a server that offers TLS up to a version', () => {
  const client_options = { sslOptions: { ciphers } }

  it.each(['TLSv1', 'TLSv1.1'] as const)('is refused for %s', async version => {
    const { port, ca, versions } = await endTls({ minVersion: 'TLSv1', maxVersion: version })
    await expect(load(port, { ssl_ca_cert: ca, client_options })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT',
      hosts: [{ host: `127.0.0.1:${port}`, reason: expect.stringMatching(/protocol/i) }],
    })
    expect(versions).toEqual([])
    // The server does offer this version: a client that asks for less gets a connection.
    const old = dial({ host: '127.0.0.1', port, ca, minVersion: 'TLSv1', ciphers })
    await once(old, 'secureConnect')
    old.destroy()
    expect(versions).toEqual([version])
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is written to for %s', async version => {
    const { port, ca, versions } = await endTls({ minVersion: 'TLSv1', maxVersion: version })
    await load(port, { ssl_ca_cert: ca, client_options })
    expect(new Set(versions)).toEqual(new Set([version]))
  })
})
