import { createServer, type Server } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { Client } from 'cassandra-driver'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type CassandraWritableOptions, ConnectionError, createCassandraWritable } from '../../lib/index.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'

const password = 'cassandra'
let cassandra: Cassandra
let admin: Client
let target: CassandraWritableOptions

beforeAll(async () => {
  cassandra = await startCassandra({ auth: true, tls: true })
  const { ca = '', contactPoints, localDataCenter } = cassandra
  const [host = '', port] = contactPoints[0]?.split(':') ?? []
  target = {
    host,
    port: Number(port),
    keyspace: 'secure',
    table: 't',
    username: 'cassandra',
    password,
    ssl_enabled: true,
    ssl_ca_cert: ca,
  }
  admin = new Client({
    contactPoints: [...contactPoints],
    localDataCenter,
    credentials: { username: 'cassandra', password },
    sslOptions: { ca, rejectUnauthorized: true },
  })
  await admin.execute(
    `CREATE KEYSPACE secure WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await admin.execute('CREATE TABLE secure.t (id int PRIMARY KEY, v text)')
  await admin.execute(`CREATE ROLE reader WITH PASSWORD = 'reader-secret' AND LOGIN = true`)
})
afterAll(async () => {
  await admin?.shutdown()
  await cassandra?.stop()
})

async function failureOf(change: Partial<CassandraWritableOptions>): Promise<ConnectionError> {
  const sink = createCassandraWritable({ ...target, ...change })
  const error = await pipeline(Readable.from([{ id: 1, v: 'x' }]), sink).then(
    () => undefined,
    (error: unknown) => error,
  )
  const secret = change.password ?? password
  for (const text of [String(error), inspect(error, { depth: 20 }), inspect(sink, { depth: 20 })]) {
    // The user name of the default role is its password, so it is looked for as a quoted value.
    expect(text).not.toContain(`'${secret}'`)
  }
  return error as ConnectionError
}

describe('a server with TLS and login', () => {
  it('takes rows over a verified connection', async () => {
    const sink = createCassandraWritable(target)
    await pipeline(Readable.from([{ id: 1, v: 'secret' }]), sink)
    expect((await admin.execute('SELECT v FROM secure.t WHERE id = 1')).rows[0]?.['v']).toBe('secret')
  })

  it('takes a host by name when the certificate has that name', async () => {
    await pipeline(
      Readable.from([{ id: 2, v: 'x' }]),
      createCassandraWritable({ ...target, host: 'localhost' }),
    )
    expect((await admin.execute('SELECT id FROM secure.t WHERE id = 2')).rows.length).toBe(1)
  })

  it('refuses a certificate of another authority', async () => {
    const other = await generate([{ name: 'commonName', value: 'another authority' }], {
      algorithm: 'sha256',
    })
    const error = await failureOf({ ssl_ca_cert: other.cert })
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error.code).toBe('ERR_CASSANDRA_TLS_UNTRUSTED')
    expect(error.message).toContain('ssl_ca_cert')
    expect(error.hosts[0]?.host).toContain('127.0.0.1')
  })

  it("refuses a certificate of nobody's authority when none is given", async () => {
    expect((await failureOf({ ssl_ca_cert: undefined })).code).toBe('ERR_CASSANDRA_TLS_UNTRUSTED')
  })

  it('refuses a certificate for another host name', async () => {
    const error = await failureOf({ ssl_server_name: 'db.example.com' })
    expect(error.code).toBe('ERR_CASSANDRA_TLS_HOST_NAME')
    expect(error.message).toContain('db.example.com')
  })

  it('tells a plain client that the server speaks TLS', async () => {
    const error = await failureOf({ ssl_enabled: false, ssl_ca_cert: undefined })
    expect(error.code).toBe('ERR_CASSANDRA_TLS_REQUIRED')
    expect(error.message).toContain('ssl_enabled')
  })

  it('tells a TLS client that the server does not', async () => {
    const { host, port } = inject('cassandra')
    expect((await failureOf({ host, port })).code).toBe('ERR_CASSANDRA_TLS_NOT_OFFERED')
  })

  it('refuses a wrong password and shows it nowhere', async () => {
    const error = await failureOf({ password: 'wr0ng-s3cret' })
    expect(error.code).toBe('ERR_CASSANDRA_AUTH')
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('wr0ng-s3cret')
  })

  it('asks for a login when none was given', async () => {
    expect((await failureOf({ username: undefined, password: undefined })).code).toBe('ERR_CASSANDRA_AUTH')
  })

  it('stops at once when the role may not write', async () => {
    const error = await failureOf({ username: 'reader', password: 'reader-secret' })
    expect(error.code).toBe('ERR_CASSANDRA_UNAUTHORIZED')
    expect(error.counts).toEqual({ rows_accepted: 1, rows_written: 0, rows_deleted: 0, rows_failed: 1 })
  })

  it('names the option whose file cannot be read', async () => {
    const error = await failureOf({ ssl_ca_cert: '/nowhere/ca.pem' })
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_OPTION', option: 'ssl_ca_cert' })
  })
})

describe('a server that is no Cassandra', () => {
  let server: Server
  beforeAll(async () => {
    server = createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server.close())

  it('is named with what went wrong', async () => {
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
