import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { makeCertificates } from '../../lib/testing/certificates.ts'
import { type Cassandra, startCassandra } from '../../lib/testing/index.ts'

let cassandra: Cassandra | undefined
let admin: Client
let target: CassandraWritableOptions
let own: Pick<CassandraWritableOptions, 'ssl_client_cert' | 'ssl_client_key'>
let stranger: typeof own

beforeAll(async () => {
  cassandra = await startCassandra({ auth: true, tls: 'mutual' })
  const { contactPoints, localDataCenter, port, username = '', password = '' } = cassandra
  const { ca = '', clientCert = '', clientKey = '' } = cassandra
  own = { ssl_client_cert: clientCert, ssl_client_key: clientKey }
  const { client } = await makeCertificates(['127.0.0.1'], true)
  stranger = { ssl_client_cert: client?.certificate, ssl_client_key: client?.key }
  admin = new Client({
    contactPoints,
    localDataCenter,
    credentials: { username, password },
    protocolOptions: { maxVersion: 4 },
    sslOptions: { ca, cert: clientCert, key: clientKey, rejectUnauthorized: true },
  })
  await admin.execute(
    `CREATE KEYSPACE secure WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await admin.execute('CREATE TABLE secure.t (id int PRIMARY KEY)')
  const at = { host: '127.0.0.1', port, keyspace: 'secure', table: 't', username, password }
  target = { ...at, ssl_enabled: true, ssl_ca_cert: ca }
})
afterAll(async () => {
  await admin?.shutdown()
  await cassandra?.stop()
})

const load = (id: number, change: Partial<CassandraWritableOptions>) =>
  pipeline(Readable.from([{ id }]), createCassandraWritable({ ...target, ...change }))

async function ids(): Promise<unknown[]> {
  const { rows } = await admin.execute('SELECT id FROM secure.t')
  return rows.map(row => row['id'])
}

describe.each(['TLSv1.3', 'TLSv1.2'] as const)(
  'a server that wants a client certificate, with %s',
  version => {
    const client_options = { sslOptions: { minVersion: version, maxVersion: version } }
    const written = version === 'TLSv1.3' ? 13 : 12
    const refused = -written

    it('accepts rows from a client with a certificate', async () => {
      await load(written, { ...own, client_options })
      expect(await ids()).toContain(written)
    })

    it('gives a client without a certificate an error that says so', async () => {
      await expect(load(refused, { client_options })).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_TLS_CLIENT_CERT',
        message: expect.stringContaining('`ssl_client_cert`'),
        hosts: [{ host: `127.0.0.1:${target.port}`, reason: expect.stringMatching(/^\w+ alert [a-z ]+$/) }],
      })
      expect(await ids()).not.toContain(refused)
    })

    it('gives a client with an untrusted certificate an error that says so', async () => {
      await expect(load(refused, { ...stranger, client_options })).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_TLS_CLIENT_CERT',
      })
      expect(await ids()).not.toContain(refused)
    })

    it('gets no connection from a client whose key belongs to another certificate', async () => {
      const mixed = { ...own, ssl_client_key: stranger.ssl_client_key }
      await expect(load(refused, { ...mixed, client_options })).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_OPTION',
        option: 'ssl_client_key',
      })
    })
  },
)

it('is still verified by a client with a certificate', async () => {
  const other = await makeCertificates(['127.0.0.1'], false)
  await expect(load(-1, { ...own, ssl_ca_cert: other.ca })).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_TLS_UNTRUSTED',
  })
})

it('gives a client without TLS an error that says so', async () => {
  await expect(load(-1, { ssl_enabled: false, ssl_ca_cert: undefined })).rejects.toMatchObject({
    code: 'ERR_CASSANDRA_TLS_REQUIRED',
  })
})
