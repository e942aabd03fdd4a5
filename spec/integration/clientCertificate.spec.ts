import { createPrivateKey } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CassandraWritableOptions, createCassandraWritable } from '../../lib/index.ts'
import { usableJava } from '../../lib/testing/choose.ts'
import { startCluster } from '../../lib/testing/cluster.ts'
import type { Cassandra } from '../../lib/testing/index.ts'
import { areJarsIn, fetchJars, jarFolder } from '../../lib/testing/jars.ts'
import { findJava } from '../../lib/testing/java.ts'

type Signed = Awaited<ReturnType<typeof generate>>

const authority = () =>
  generate([{ name: 'commonName', value: 'an authority' }], {
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })

const sign = (name: string, by: Signed) =>
  generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    ca: { key: by.private, cert: by.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  })

let folder: string
let cassandra: Cassandra | undefined
let target: CassandraWritableOptions
let own: Signed
let stranger: Signed

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cassandra-streams-client-certificate-'))
  const [ours, theirs] = await Promise.all([authority(), authority()])
  const node = await sign('node', ours)
  own = await sign('loader', ours)
  stranger = await sign('stranger', theirs)
  const key = createPrivateKey(node.private).export({ type: 'pkcs8', format: 'pem' })
  await writeFile(join(folder, 'node.pem'), key + node.cert)
  await writeFile(join(folder, 'ca.pem'), ours.cert)
  const jars = await jarFolder()
  if (!(await areJarsIn(jars))) await fetchJars(jars)
  cassandra = await startCluster({
    nodes: 1,
    auth: true,
    // Clients without TLS are let in too, which is how the start is seen.
    tls: false,
    durable: false,
    java: usableJava(await findJava())?.command ?? 'java',
    jars,
    yaml: {
      client_encryption_options: {
        enabled: true,
        optional: true,
        require_client_auth: true,
        ssl_context_factory: { class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory' },
        keystore: join(folder, 'node.pem'),
        truststore: join(folder, 'ca.pem'),
      },
    },
  })
  const { contactPoints, localDataCenter, port, username = '', password = '' } = cassandra
  const admin = new Client({ contactPoints, localDataCenter, credentials: { username, password } })
  await admin.execute(
    `CREATE KEYSPACE secure WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  await admin.execute('CREATE TABLE secure.t (id int PRIMARY KEY)')
  await admin.shutdown()
  const at = { host: '127.0.0.1', port, keyspace: 'secure', table: 't', username, password }
  target = { ...at, ssl_enabled: true, ssl_ca_cert: ours.cert }
})
afterAll(async () => {
  await cassandra?.stop()
  await rm(folder, { recursive: true })
})

const load = (change: Partial<CassandraWritableOptions>) =>
  pipeline(Readable.from([{ id: 1 }]), createCassandraWritable({ ...target, ...change }))

describe.each(['TLSv1.3', 'TLSv1.2'] as const)(
  'a server that wants a client certificate, with %s',
  version => {
    const client_options = { sslOptions: { minVersion: version, maxVersion: version } }

    it('takes rows of a client that has one', async () => {
      await load({ ssl_client_cert: own.cert, ssl_client_key: own.private, client_options })
    })

    it('is named as that to a client that has none', async () => {
      await expect(load({ client_options })).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_TLS_CLIENT_CERT',
        message: expect.stringContaining('`ssl_client_cert`'),
        hosts: [{ host: `127.0.0.1:${target.port}`, reason: expect.stringMatching(/^\w+ alert [a-z ]+$/) }],
      })
    })

    it('is named as that to a client of an authority that it does not trust', async () => {
      const certificate = { ssl_client_cert: stranger.cert, ssl_client_key: stranger.private }
      await expect(load({ ...certificate, client_options })).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_TLS_CLIENT_CERT',
      })
    })

    it('is not dialled with a key that belongs to another certificate', async () => {
      const certificate = { ssl_client_cert: own.cert, ssl_client_key: stranger.private }
      await expect(load({ ...certificate, client_options })).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_OPTION',
        option: 'ssl_client_key',
      })
    })
  },
)
