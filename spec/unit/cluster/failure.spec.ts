import { once } from 'node:events'
import { createServer as createPlainServer, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { inspect } from 'node:util'
import { errors } from 'cassandra-driver'
import { generate } from 'selfsigned'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectTimeout, explainConnectFailure, wordsOf } from '../../../lib/cluster/failure.ts'
import { ConnectionError, OptionError } from '../../../lib/index.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'

const plain = writeSettingsOf({ host: 'db1, db2', port: 9043, keyspace: 'ks', table: 't' })
const tls = writeSettingsOf({ host: 'db1', ssl_enabled: true, keyspace: 'ks', table: 't' })

const cloud = writeSettingsOf({
  keyspace: 'ks',
  table: 't',
  client_options: { cloud: { secureConnectBundle: '/x.zip' } },
})

/** The driver's error for several hosts that it tried one after the other. */
function noHost(innerErrors: Record<string, unknown> | null): Error {
  return Object.assign(new Error('All host(s) tried for query failed.'), {
    name: 'NoHostAvailableError',
    innerErrors,
  })
}

const hostsDown = 'every host was marked as down by then'

const failing = (message: string, code: unknown) => Object.assign(new Error(message), { code })

/** The driver's error for the answer of a node that starts. */
const unchecked = new errors.AuthenticationError(
  'Unable to perform authentication: Cannot achieve consistency level QUORUM',
)

describe('a failed connection', () => {
  it('names each host and its reason, as data and in the message', async () => {
    const error = await explainConnectFailure(
      noHost({
        '10.0.0.1:9043': failing('connect ECONNREFUSED 10.0.0.1:9043', 'ECONNREFUSED'),
        '10.0.0.2:9043': 'Host considered as DOWN',
        '10.0.0.3:9043': null,
      }),
      plain,
    )
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT',
      hosts: [
        { host: '10.0.0.1:9043', reason: 'connect ECONNREFUSED 10.0.0.1:9043' },
        { host: '10.0.0.2:9043', reason: 'Host considered as DOWN' },
        { host: '10.0.0.3:9043', reason: 'not tried' },
      ],
    })
    for (const part of ['10.0.0.1:9043: connect', '10.0.0.2:9043: Host', '10.0.0.3:9043: not']) {
      expect(String(error)).toContain(part)
    }
  })

  it('gives the same reason for every host of the options if the driver names none', async () => {
    expect(await explainConnectFailure(new Error('odd'), plain)).toMatchObject({
      hosts: [
        { host: 'db1:9043', reason: 'odd' },
        { host: 'db2:9043', reason: 'odd' },
      ],
    })
  })

  it('has its reason even if the hosts of a borrowed client are not known', async () => {
    const borrowed = { ...plain, hosts: [] }
    expect(String(await explainConnectFailure(new Error('odd'), borrowed))).toContain(
      'No host could be used: odd',
    )
  })

  it('after its time limit names the hosts, their port and the limit', () => {
    expect(connectTimeout(plain)).toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT_TIMEOUT',
      hosts: [
        { host: 'db1:9043', reason: 'no answer within 15000 ms' },
        { host: 'db2:9043', reason: 'no answer within 15000 ms' },
      ],
    })
  })

  it.each([
    ['ERR_CASSANDRA_AUTH', failing('Provided username and/or password are incorrect', 0x0100), plain],
    ['ERR_CASSANDRA_AUTH', Object.assign(new Error('no auth'), { name: 'AuthenticationError' }), plain],
    ['ERR_CASSANDRA_CONNECT', unchecked, plain],
    ['ERR_CASSANDRA_TLS_HOST_NAME', failing('altnames', 'ERR_TLS_CERT_ALTNAME_INVALID'), tls],
    ['ERR_CASSANDRA_TLS_UNTRUSTED', failing('self-signed', 'SELF_SIGNED_CERT_IN_CHAIN'), tls],
    ['ERR_CASSANDRA_TLS_UNTRUSTED', failing('expired', 'CERT_HAS_EXPIRED'), tls],
    ['ERR_CASSANDRA_TLS_UNTRUSTED', failing('no issuer', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), tls],
    ['ERR_CASSANDRA_TLS_NOT_OFFERED', failing('wrong version', 'ERR_SSL_WRONG_VERSION_NUMBER'), tls],
    ['ERR_CASSANDRA_TLS_CLIENT_CERT', failing('none', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), tls],
    ['ERR_CASSANDRA_TLS_CLIENT_CERT', failing('none', 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE'), tls],
    ['ERR_CASSANDRA_TLS_CLIENT_CERT', failing('stranger', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'), tls],
    ['ERR_CASSANDRA_CONNECT', failing('wrong version', 'ERR_SSL_WRONG_VERSION_NUMBER'), plain],
    ['ERR_CASSANDRA_CONNECT', failing('no route', 'EHOSTUNREACH'), tls],
  ] as const)('has the code %s for %s', async (code, cause, settings) => {
    expect(await explainConnectFailure(noHost({ '10.0.0.1:9042': cause }), settings)).toMatchObject({ code })
  })

  it('has the most specific code of all hosts', async () => {
    const error = noHost({
      '10.0.0.1:9042': failing('refused', 'ECONNREFUSED'),
      '10.0.0.2:9042': failing('wrong password', 0x0100),
    })
    expect(await explainConnectFailure(error, plain)).toMatchObject({ code: 'ERR_CASSANDRA_AUTH' })
  })

  it('keeps only the message of the driver’s error, which may refer to the client', async () => {
    const cause = Object.assign(failing('refused', 'ECONNREFUSED'), { client: { password: 'sesame' } })
    const error = await explainConnectFailure(noHost({ '10.0.0.1:9042': cause }), plain)
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain('sesame')
  })

  it('lists ten hosts in its message, and all of them as data', async () => {
    const hosts = Array.from({ length: 1000 }, (_, i) => [`db${i}:9042`, 'Host considered as DOWN'])
    const error = (await explainConnectFailure(noHost(Object.fromEntries(hosts)), plain)) as ConnectionError
    expect(error.hosts.length).toBe(1000)
    expect(error.message.split('\n').length).toBe(12)
    expect(error.message).toContain('and 990 other hosts')
  })

  it.each([[noHost(null)], [undefined], [null], ['text'], [{}]])('has a message for %o', async error => {
    expect(await explainConnectFailure(error, plain)).toMatchObject({ code: 'ERR_CASSANDRA_CONNECT' })
  })

  it('is an option error if the driver refuses an option', async () => {
    const settings = { ...plain, client_options: {} }
    const refused = new TypeError('Load balancing policy must be an instance of LoadBalancingPolicy')
    expect(await explainConnectFailure(refused, settings)).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: 'client_options',
      message: expect.stringContaining('Load balancing policy must be'),
    })
    const bundle = Object.assign(failing("ENOENT: no such file, open '/x.zip'", 'ENOENT'), {
      syscall: 'open',
    })
    expect(await explainConnectFailure(bundle, cloud)).toMatchObject({
      option: 'client_options',
      message: expect.stringMatching(/secureConnectBundle.*\/x\.zip/),
    })
    const fault = new TypeError("Cannot read properties of null (reading 'endpoint')")
    expect(await explainConnectFailure(fault, settings)).toMatchObject({ code: 'ERR_CASSANDRA_CONNECT' })
  })

  it.each([
    ['ERR_CASSANDRA_TLS_UNTRUSTED', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['ERR_CASSANDRA_TLS_HOST_NAME', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['ERR_CASSANDRA_TLS_NOT_OFFERED', 'ERR_SSL_WRONG_VERSION_NUMBER'],
    ['ERR_CASSANDRA_TLS_CLIENT_CERT', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
  ])(
    'through a cloud bundle is %s, and the message names no option that the bundle replaces',
    async (code, why) => {
      const error = await explainConnectFailure(noHost({ 'a1b2:29042': failing('refused', why) }), cloud)
      expect(error).toMatchObject({ code, message: expect.stringContaining('cloud bundle') })
      expect(String(error)).not.toMatch(/`(?:ssl_\w+|host|port)`/)
    },
  )

  it('names the existing datacenters', async () => {
    const words = "localDataCenter was configured as 'x', but only found hosts in data centers: [dc1, dc2]"
    const settings = { ...plain, local_datacenter: 'x' }
    const fault = new errors.ArgumentError(words)
    // The driver may wrap it, because it then tries the next host.
    for (const error of [fault, new errors.NoHostAvailableError({ '127.0.0.1:9042': fault })]) {
      expect(await explainConnectFailure(error, settings)).toMatchObject({
        code: 'ERR_CASSANDRA_CONNECT',
        message: '`local_datacenter` is wrong: the cluster has dc1, dc2, not `x`',
      })
    }
  })

  it('does not change errors of this package or an abort', async () => {
    const own = new OptionError('ERR_CASSANDRA_OPTION', 'ssl_ca_cert', 'unreadable')
    const abort = AbortSignal.abort().reason
    expect(await explainConnectFailure(own, plain)).toBe(own)
    expect(await explainConnectFailure(abort, plain)).toBe(abort)
  })
})

describe('the words of an error', () => {
  it('are the reasons of the hosts, without the stack trace that the driver puts into its message', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { stack: 'Error\n    at a (b.js:1:2)' })
    const error = new errors.NoHostAvailableError({ '10.0.0.1:9042': refused, '10.0.0.2:9042': null })
    expect(wordsOf(error)).toBe('10.0.0.1:9042: connect ECONNREFUSED; 10.0.0.2:9042: not tried')
  })

  it('name three hosts and count the others', () => {
    const hosts = Array.from({ length: 50 }, (_, i) => [`10.0.0.${i}:9042`, 'Host considered as DOWN'])
    expect(wordsOf(new errors.NoHostAvailableError(Object.fromEntries(hosts)))).toMatch(
      /^10\.0\.0\.0:9042: Host considered as DOWN; .*; and 47 other hosts$/,
    )
  })

  it('leave out stack traces and references to properties', () => {
    const copied =
      'First host tried, 10.0.0.1:9042: Error: gone\n    at a (b.js:1:2)\n    at c. See innerErrors.'
    expect(wordsOf(new errors.DriverInternalError(copied))).toBe(
      'First host tried, 10.0.0.1:9042: Error: gone',
    )
    expect(wordsOf(new Error('All failed. See innerErrors.'))).toBe('All failed')
  })

  it.each([
    ['a failure in which no host was tried', noHost(null), hostsDown],
    ['a failure without hosts', noHost({}), hostsDown],
    [
      'a host name that does not resolve',
      new errors.NoHostAvailableError({}, 'No host could be resolved'),
      'its name does not resolve to an address',
    ],
    ['several addresses', new AggregateError([new Error('one'), new Error('two')]), 'one; two'],
    ['an error without a message', Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
    ['an error without a message and a name', Object.assign(new Error(''), { name: '' }), 'no reason given'],
    ['text', 'Host considered as DOWN', 'Host considered as DOWN'],
    ['an object whose message is no text', { message: ['no', 'way'] }, "[ 'no', 'way' ]"],
    ['nothing', undefined, 'no reason given'],
    [
      'OpenSSL',
      new Error(
        '80DCE244887F0000:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:' +
          '../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 116\n',
      ),
      'tlsv13 alert certificate required',
    ],
    ['control characters', new Error('a\r\nb\u0000c'), 'a b c'],
  ])('exist for %s', (_, error, words) => {
    expect(wordsOf(error)).toBe(words)
  })

  it('have a limited length and end with a whole character', () => {
    for (const text of [
      'x'.repeat(1e6),
      '🚢'.repeat(1e6),
      `x${'🚢'.repeat(1e6)}`,
      '\n'.repeat(1e6),
      'A'.repeat(1e6),
    ]) {
      const words = wordsOf(new Error(text))
      expect(words.length).toBeLessThanOrEqual(501)
      expect(words).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/)
    }
  })
})

describe('a server that hangs up on a plain client', () => {
  it.each([
    ['with a reset', failing('read ECONNRESET', 'ECONNRESET')],
    ['without a message', new errors.DriverInternalError('Socket was closed')],
  ])('%s is probed for TLS', async (_, cause) => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'somebody' }], {
      algorithm: 'sha256',
    })
    expect(await hungUp(createTlsServer({ key, cert }), plain, cause)).toMatchObject({
      code: 'ERR_CASSANDRA_TLS_REQUIRED',
      message: expect.stringContaining('ssl_enabled'),
    })
  })

  it('counts as unreachable if it also hangs up on TLS', async () => {
    const rude = createPlainServer(socket => socket.on('error', () => {}).destroy())
    expect(await hungUp(rude, plain)).toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT',
      message: expect.stringContaining('the server may still be starting, or `port` may not be that of CQL'),
    })
  })

  it('is not probed if the client already uses TLS', async () => {
    let asked = 0
    const server = createPlainServer(socket => {
      asked++
      socket.on('error', () => {}).destroy()
    })
    expect(await hungUp(server, tls)).toMatchObject({ code: 'ERR_CASSANDRA_CONNECT' })
    expect(asked).toBe(0)
  })

  /** The error for a connection that this server ended. */
  async function hungUp(
    server: Server,
    settings: typeof plain,
    cause: Error = failing('read ECONNRESET', 'ECONNRESET'),
  ): Promise<unknown> {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return explainConnectFailure(noHost({ [`127.0.0.1:${port}`]: cause }), { ...settings, port })
  }
})
