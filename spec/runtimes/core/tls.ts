import { deepEqual, equal } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { Client } from 'cassandra-driver'
import { type CassandraWritableOptions, ConnectionError, createCassandraWritable } from 'cassandra-streams'
import { type Keyspace, rejection, type Suite } from './suite.ts'

function target({ surroundings: { secure } }: Keyspace, change: Partial<CassandraWritableOptions> = {}) {
  const { host, port, username, password, ca } = secure
  const where = { host, port, keyspace: 'runtimes', table: 'secure' }
  return { ...where, username, password, ssl_enabled: true, ssl_ca_cert: ca, ...change }
}

async function write(options: CassandraWritableOptions, id: string): Promise<void> {
  await pipeline(Readable.from([{ id, v: 'over TLS' }]), createCassandraWritable(options))
}

async function read({ surroundings: { secure } }: Keyspace, id: string): Promise<unknown> {
  const { host, port, localDataCenter, username, password, ca } = secure
  const client = new Client({
    contactPoints: [`${host}:${port}`],
    localDataCenter,
    credentials: { username, password },
    sslOptions: { ca, rejectUnauthorized: true },
  })
  try {
    const { rows } = await client.execute('SELECT v FROM runtimes.secure WHERE id = ?', [id], {
      prepare: true,
    })
    return rows[0]?.['v']
  } finally {
    await client.shutdown()
  }
}

async function refused(options: CassandraWritableOptions, code: string): Promise<void> {
  const error = await rejection(write(options, 'refused'))
  deepEqual([error instanceof ConnectionError, (error as { code?: unknown }).code], [true, code])
}

const fresh = () => randomBytes(8).toString('hex')

export const tls: Suite = {
  async 'writes over a verified connection with a login'(keyspace) {
    const id = fresh()
    await write(target(keyspace), id)
    equal(await read(keyspace, id), 'over TLS')
  },

  async 'accepts an authority from a file, and a host by its name'(keyspace) {
    const id = fresh()
    writeFileSync('ca.pem', keyspace.surroundings.secure.ca)
    await write(target(keyspace, { host: 'localhost', ssl_ca_cert: 'ca.pem' }), id)
    equal(await read(keyspace, id), 'over TLS')
  },

  'refuses a certificate of another authority': keyspace =>
    refused(
      target(keyspace, { ssl_ca_cert: keyspace.surroundings.secure.otherCa }),
      'ERR_CASSANDRA_TLS_UNTRUSTED',
    ),

  'refuses a certificate whose authority is neither public nor given': keyspace =>
    refused(target(keyspace, { ssl_ca_cert: undefined }), 'ERR_CASSANDRA_TLS_UNTRUSTED'),

  'refuses a certificate for another host name': keyspace =>
    refused(target(keyspace, { ssl_server_name: 'db.example.com' }), 'ERR_CASSANDRA_TLS_HOST_NAME'),

  'tells a client without TLS that the server speaks TLS': keyspace =>
    refused(target(keyspace, { ssl_enabled: false, ssl_ca_cert: undefined }), 'ERR_CASSANDRA_TLS_REQUIRED'),

  async 'tells a client with TLS that the server does not speak TLS'(keyspace) {
    const { host, port } = keyspace.surroundings.plain
    await refused(target(keyspace, { host, port }), 'ERR_CASSANDRA_TLS_NOT_OFFERED')
  },

  async 'fails for a wrong password and shows it nowhere'(keyspace) {
    const password = 'wr0ng-s3cret'
    const error = await rejection(write(target(keyspace, { password }), 'refused'))
    equal((error as { code?: unknown }).code, 'ERR_CASSANDRA_AUTH')
    equal(inspect(error, { depth: 20, showHidden: true }).includes(password), false)
  },
}
