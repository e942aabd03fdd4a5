import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createServer as createTlsServer, connect as dial, type Server as TlsServer } from 'node:tls'
import { inspect } from 'node:util'
import { Client } from 'cassandra-driver'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { type CassandraWritableOptions, ConnectionError, createCassandraWritable } from '../../lib/index.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'
import { everything } from '../everything.ts'
import { expectHidden, textsOf } from '../leaks.ts'

/** Long enough to be found wherever it appears, with characters that need quoting in CQL, in a URL and in JSON. */
const password = `Sésame-"ouvre"-'toi'-%42`
const reader = { username: 'reader', password: 'reader-Gehe1m' }

let cassandra: Cassandra
let admin: Client
let target: CassandraWritableOptions

beforeAll(async () => {
  cassandra = await startCassandra({ auth: true, tls: true })
  const { ca = '', contactPoints, localDataCenter, port } = cassandra
  const [host = ''] = contactPoints[0]?.split(':') ?? []
  target = {
    host,
    port,
    keyspace: 'secure',
    table: 't',
    username: 'loader',
    password,
    ssl_enabled: true,
    ssl_ca_cert: ca,
  }
  admin = new Client({
    contactPoints,
    localDataCenter,
    credentials: { username: cassandra.username ?? '', password: cassandra.password ?? '' },
    sslOptions: { ca, rejectUnauthorized: true },
  })
  await admin.execute(
    `CREATE KEYSPACE secure WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await admin.execute('CREATE TABLE secure.t (id int PRIMARY KEY, v text)')
  await admin.execute(
    `CREATE ROLE loader WITH PASSWORD = '${password.replaceAll("'", "''")}' AND LOGIN = true`,
  )
  await admin.execute('GRANT MODIFY ON secure.t TO loader')
  await admin.execute(`CREATE ROLE reader WITH PASSWORD = '${reader.password}' AND LOGIN = true`)
})
afterAll(async () => {
  await admin?.shutdown()
  await cassandra?.stop()
})

/** The error of a load. Also checks that nothing printable contains the password. */
async function failureOf(change: Partial<CassandraWritableOptions>, rows: unknown[] = [{ id: 1, v: 'x' }]) {
  const printed: string[] = []
  const log = (text: unknown) => printed.push(String(text)) > 0
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(log),
    vi.spyOn(process.stderr, 'write').mockImplementation(log),
    ...(['log', 'info', 'warn', 'error', 'debug'] as const).map(name =>
      vi.spyOn(console, name).mockImplementation((...args) => void printed.push(inspect(args, everything))),
    ),
  ]
  const sink = createCassandraWritable({ ...target, ...change })
  const error = await pipeline(Readable.from(rows), sink).then(
    () => undefined,
    (error: unknown) => error,
  )
  for (const spy of spies) spy.mockRestore()
  const secret = change.password ?? password
  const shown = [inspect(sink, everything), ...textsOf(sink.stats), ...textsOf(error)]
  expectHidden(secret, [...printed, ...shown])
  return error as ConnectionError
}

describe('a server with TLS and login', () => {
  it('accepts rows over a verified connection', async () => {
    const sink = createCassandraWritable(target)
    await pipeline(Readable.from([{ id: 1, v: 'secret' }]), sink)
    expect((await admin.execute('SELECT v FROM secure.t WHERE id = 1')).rows[0]?.['v']).toBe('secret')
  })

  it('is reached by a host name that is in the certificate', async () => {
    await pipeline(
      Readable.from([{ id: 2, v: 'x' }]),
      createCassandraWritable({ ...target, host: 'localhost' }),
    )
    expect((await admin.execute('SELECT id FROM secure.t WHERE id = 2')).rows.length).toBe(1)
  })

  it('is refused if another authority signed its certificate', async () => {
    const other = await generate([{ name: 'commonName', value: 'another authority' }], {
      algorithm: 'sha256',
    })
    const error = await failureOf({ ssl_ca_cert: other.cert })
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error.code).toBe('ERR_CASSANDRA_TLS_UNTRUSTED')
    expect(error.message).toContain('ssl_ca_cert')
    expect(error.hosts[0]?.host).toContain('127.0.0.1')
  })

  it('is refused if its authority is not public and `ssl_ca_cert` is not given', async () => {
    expect((await failureOf({ ssl_ca_cert: undefined })).code).toBe('ERR_CASSANDRA_TLS_UNTRUSTED')
  })

  it('is refused if its certificate is for another host name', async () => {
    const error = await failureOf({ ssl_server_name: 'db.example.com' })
    expect(error.code).toBe('ERR_CASSANDRA_TLS_HOST_NAME')
    expect(error.message).toContain('db.example.com')
  })

  it('gives a client without TLS an error that says that the server speaks TLS', async () => {
    const error = await failureOf({ ssl_enabled: false, ssl_ca_cert: undefined })
    expect(error.code).toBe('ERR_CASSANDRA_TLS_REQUIRED')
    expect(error.message).toContain('ssl_enabled')
  })

  it('gives a client with TLS an error that says so if the server does not speak TLS', async () => {
    const { host, port } = inject('cassandra')
    const error = await failureOf({ host, port })
    expect(error.code).toBe('ERR_CASSANDRA_TLS_NOT_OFFERED')
    expect(error.hosts[0]?.host).toBe(`${host}:${port}`)
  })

  it('refuses a wrong password, and the password appears nowhere', async () => {
    const error = await failureOf({ password: 'wr0ng-s3cret' })
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error.code).toBe('ERR_CASSANDRA_AUTH')
    expect(error.hosts[0]?.reason).toContain('incorrect')
  })

  it('leads to no error with the password when the sink or the server refuses a row', async () => {
    expect((await failureOf({}, [{ id: 'x' }])).code).toBe('ERR_CASSANDRA_VALUE')
    const large = 'x'.repeat(17 * 1024 * 1024)
    const error = await failureOf({ max_row_bytes: 64 * 1024 * 1024 }, [{ id: 1, v: large }])
    expect(error.code).toBe('ERR_CASSANDRA_ROW_REFUSED')
  })

  it('asks for a login if none was given', async () => {
    expect((await failureOf({ username: undefined, password: undefined })).code).toBe('ERR_CASSANDRA_AUTH')
  })

  it('ends the sink at once if the role may not write', async () => {
    const error = await failureOf(reader)
    expect(error.code).toBe('ERR_CASSANDRA_UNAUTHORIZED')
    expect(error.counts).toEqual({
      rows_accepted: 1,
      rows_written: 0,
      rows_deleted: 0,
      rows_set_aside: 0,
      rows_failed: 1,
    })
  })

  it('is not dialled if a file of an option cannot be read, and the error names the option', async () => {
    const error = await failureOf({ ssl_ca_cert: '/nowhere/ca.pem' })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option: 'ssl_ca_cert' })
    expect(error.message).toContain('`/nowhere/ca.pem`: there is no such file')
  })
})

describe('a man in the middle with a self-signed certificate', () => {
  let server: TlsServer
  let heard: Buffer[] = []

  beforeAll(async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256',
    })
    // It passes everything on to the real server, so a client that trusts it works.
    server = createTlsServer({ cert, key }, near => {
      const far = dial({ host: '127.0.0.1', port: cassandra.port, ca: cassandra.ca ?? '' })
      near.on('data', data => heard.push(data))
      near.pipe(far).pipe(near)
      near.on('error', () => far.destroy())
      far.on('error', () => near.destroy())
    })
    server.on('tlsClientError', () => {})
    await once(server.listen(0, '127.0.0.1'), 'listening')
  })
  afterAll(() => void server.close())

  const port = () => (server.address() as AddressInfo).port

  it.each<[string, Partial<CassandraWritableOptions>]>([
    ['ssl_enabled', {}],
    ['no authority', { ssl_ca_cert: undefined }],
    ['empty sslOptions', { client_options: { sslOptions: {} } }],
    ['sslOptions with a passphrase', { client_options: { sslOptions: { passphrase: 'x' } } }],
    ['sslOptions with an ALPN name', { client_options: { sslOptions: { ALPNProtocols: ['cql'] } } }],
    [
      'its own check of the host name',
      { client_options: { sslOptions: { checkServerIdentity: () => undefined } } },
    ],
    [
      'sslOptions alone',
      {
        ssl_enabled: undefined,
        ssl_ca_cert: undefined,
        client_options: { sslOptions: { servername: 'localhost' } },
      },
    ],
  ])('gets no byte of the protocol and no password from a client with %s', async (_, change) => {
    heard = []
    const error = await failureOf({ ...change, port: port() })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_TLS_UNTRUSTED' })
    expect(Buffer.concat(heard).length).toBe(0)
  })

  it.each([false, 0, 'false'])('is not trusted because of rejectUnauthorized: %j', value => {
    const client_options = { sslOptions: { rejectUnauthorized: value as boolean } }
    expect(() => createCassandraWritable({ ...target, client_options })).toThrow('`ssl_verify: false`')
  })

  it('gets the password of a client with ssl_verify: false', async () => {
    heard = []
    expect(await failureOf({ port: port(), ssl_ca_cert: undefined, ssl_verify: false })).toBeUndefined()
    expect(Buffer.concat(heard).includes(password)).toBe(true)
  })
})

it('leads to failures with different codes', async () => {
  const other = await generate([{ name: 'commonName', value: 'another authority' }], { algorithm: 'sha256' })
  const plain = inject('cassandra')
  const failures = [
    await failureOf({ ssl_ca_cert: other.cert }),
    await failureOf({ ssl_server_name: 'db.example.com' }),
    await failureOf({ ssl_enabled: false, ssl_ca_cert: undefined }),
    await failureOf({ host: plain.host, port: plain.port }),
    await failureOf({ password: 'wr0ng-s3cret' }),
  ]
  expect(new Set(failures.map(({ code }) => code)).size).toBe(failures.length)
})

describe('a server that never answers', () => {
  it('is given up after request_timeout_ms, and the error names it', async () => {
    const silent = createServer(socket => socket.on('error', () => {}))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void silent.close())
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : undefined
    for (const tls of [{}, { ssl_enabled: false, ssl_ca_cert: undefined }]) {
      const error = await failureOf({ ...tls, port, request_timeout_ms: 200 })
      expect(error).toMatchObject({
        code: 'ERR_CASSANDRA_CONNECT_TIMEOUT',
        hosts: [{ host: `127.0.0.1:${port}`, reason: 'no answer within 200 ms' }],
      })
    }
  })
})

describe('a server that is no Cassandra', () => {
  let server: Server
  beforeAll(async () => {
    server = createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server.close())

  it('is named in the error with the reason', async () => {
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const error = await failureOf({
      port,
      ssl_enabled: false,
      ssl_ca_cert: undefined,
      request_timeout_ms: 2_000,
    })
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error.hosts[0]?.host).toBe(`127.0.0.1:${port}`)
  })
})
