import { resolve, sep } from 'node:path'
import { auth, type Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../lib/index.ts'
import type { CassandraWritableOptions, MicroBatchSinkOptions } from '../../../lib/options/options.ts'
import { epochSettingsOf, writeSettingsOf } from '../../../lib/options/settings.ts'

const least = { host: 'db1', keyspace: 'ks', table: 't' }
const client = { execute: () => {} } as unknown as Client

function refusal(options: Partial<CassandraWritableOptions>): OptionError {
  try {
    writeSettingsOf(options as CassandraWritableOptions)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error('Expected the options to be refused')
}

describe('settings', () => {
  it('have the defaults of docs/options.md', () => {
    expect(writeSettingsOf(least)).toMatchObject({
      hosts: ['db1'],
      port: 9042,
      credentials: undefined,
      tls: undefined,
      concurrency: 100,
      rows_per_batch: 1000,
      max_buffered_bytes: 64 * 1024 * 1024,
      consistency: 'LOCAL_QUORUM',
      delete_flag: undefined,
      nulls: 'write',
      request_timeout_ms: 15_000,
      retry_timeout_ms: 60_000,
      max_clock_skew_ms: 10_000,
    })
  })

  it('cannot be changed, neither directly nor through the options that they came from', () => {
    const options = { ...least, host: ['db1'], concurrency: 7 }
    const settings = writeSettingsOf(options)
    options.concurrency = 8
    expect(settings.concurrency).toBe(7)
    expect(Object.isFrozen(settings)).toBe(true)
  })

  it('have hosts as a list for each spelling', () => {
    const hosts = ['db1', 'db2']
    for (const host of ['db1,db2', ' db1 , db2 ', hosts]) {
      expect(writeSettingsOf({ ...least, host }).hosts).toEqual(hosts)
    }
  })

  it('have the port that follows the hosts, with or without brackets around an address', () => {
    expect(writeSettingsOf({ ...least, host: 'db1:9043, db2' })).toMatchObject({
      hosts: ['db1', 'db2'],
      port: 9043,
    })
    expect(writeSettingsOf({ ...least, host: '[::1]:9043', port: '9043' })).toMatchObject({
      hosts: ['::1'],
      port: 9043,
    })
  })

  it('have numbers and booleans for options that are text', () => {
    const given = {
      ...least,
      port: '9043',
      concurrency: '50',
      ttl: '60',
      ssl_enabled: 'true',
      delete_flag_column: 'op',
    }
    expect(writeSettingsOf({ ...given, delete_flag_value: true })).toMatchObject({
      port: 9043,
      concurrency: 50,
      ttl: 60,
      tls: { verify: true },
      delete_flag: { column: 'op', value: 'true' },
    })
  })

  it('have the consistency in capitals', () => {
    expect(writeSettingsOf({ ...least, consistency: 'each_quorum' }).consistency).toBe('EACH_QUORUM')
  })

  it('keep the given numbers, also zero', () => {
    expect(writeSettingsOf({ ...least, flush_interval_ms: 0, retry_timeout_ms: 0, ttl: 0 })).toMatchObject({
      flush_interval_ms: 0,
      retry_timeout_ms: 0,
      ttl: 0,
    })
  })
})

describe('settings of a micro-batch sink', () => {
  it('have numbers and booleans for options that are text', () => {
    const given = { ...least, checkpoint_location: 'x', rows_per_epoch: '50', epoch_interval_ms: '7' }
    expect(epochSettingsOf({ ...given, port: '9043' })).toMatchObject({
      port: 9043,
      rows_per_epoch: 50,
      epoch_interval_ms: 7,
    })
  })

  it('have an absolute path of the checkpoint file, or a row of a table', () => {
    const place = (checkpoint_location: MicroBatchSinkOptions['checkpoint_location']) =>
      epochSettingsOf({ ...least, checkpoint_location }).checkpoint_location
    expect(place('x')).toBe(resolve('x'))
    expect(place('x/.y')).toBe(resolve('x/.y'))
    for (const folder of ['x/', 'x//', 'x/.', 'x/y/..']) expect(place(folder)).toBe(resolve('x') + sep)
    expect(place('.')).toBe(resolve('.') + sep)
    expect(place('/')).toBe(resolve('/'))
    const table = { keyspace: 'ks', table: 'Kept', name: 'orders' }
    expect(place(table)).toEqual(table)
    expect(place({ keyspace: 'ks', name: 'orders', table: undefined })).toEqual({
      ...table,
      table: 'cassandra_streams_checkpoints',
    })
    expect(place(table)).not.toBe(table)
  })

  it.each([
    { keyspace: 'ks' },
    { name: 'orders' },
    { keyspace: '', name: 'orders' },
    { keyspace: 'system', name: 'orders' },
    { keyspace: 'system_auth', name: 'orders' },
    { keyspace: 'ks', name: '' },
    { keyspace: 'ks', name: 'x'.repeat(1025) },
    { keyspace: 'ks', name: '\ud800' },
    { keyspace: 'ks', name: 'orders', table: '' },
    { keyspace: 'ks', name: 'orders', tabel: 'kept' },
    ['ks', 'orders'],
    [],
    null,
    7,
    '',
  ])('do not accept %j as the place of the checkpoint', checkpoint_location => {
    const options = { ...least, checkpoint_location } as unknown as MicroBatchSinkOptions
    expect(() => epochSettingsOf(options)).toThrow(
      'Expected `checkpoint_location` to be a non-empty string, or `{ keyspace, table?, name }`',
    )
  })

  it('require a place for the checkpoint', () => {
    expect(() => epochSettingsOf(least as unknown as MicroBatchSinkOptions)).toThrow(
      '`checkpoint_location` to be given',
    )
  })
})

describe('required options', () => {
  it.each(['keyspace', 'table'])('include %s, and the error names it if it is missing', name => {
    expect(refusal({ ...least, [name]: undefined })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: name,
      message: `Expected \`${name}\` to be given`,
    })
  })

  it('include a host, a client or a cloud bundle', () => {
    expect(refusal({ keyspace: 'ks', table: 't' }).message).toBe('Expected `host` or `client` to be given')
    const cloud = { cloud: { secureConnectBundle: 'bundle.zip' } }
    expect(writeSettingsOf({ keyspace: 'ks', table: 't', client_options: cloud }).hosts).toEqual([])
    expect(writeSettingsOf({ keyspace: 'ks', table: 't', client }).client).toBe(client)
  })
})

describe('a keyspace', () => {
  it.each([
    'system',
    'system_schema',
    'system_auth',
    'system_distributed',
    'system_traces',
    'system_views',
    'system_virtual_schema',
    'system_cluster_metadata',
  ])("is refused when it is Cassandra's own: %s", keyspace => {
    expect(refusal({ ...least, keyspace })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: 'keyspace',
      message: `Expected \`keyspace\` to be one of yours: \`${keyspace}\` is Cassandra's own`,
    })
  })

  it.each(['systematic', 'systems', 'my_system', 'ecosystem_auth', 'System'])(
    'is accepted although its name is similar: %s',
    keyspace => {
      expect(writeSettingsOf({ ...least, keyspace }).keyspace).toBe(keyspace)
    },
  )
})

describe('TLS', () => {
  const ssl = { ...least, ssl_enabled: true }

  it('verifies, even if only the driver options switch it on', () => {
    expect(writeSettingsOf(ssl).tls?.verify).toBe(true)
    expect(writeSettingsOf({ ...least, client_options: { sslOptions: {} } }).tls?.verify).toBe(true)
    expect(writeSettingsOf({ ...ssl, client_options: { sslOptions: { passphrase: 'x' } } }).tls?.verify).toBe(
      true,
    )
  })

  it('skips verification only if ssl_verify is false', () => {
    for (const ssl_verify of [false, 'false']) {
      expect(writeSettingsOf({ ...ssl, ssl_verify }).tls?.verify).toBe(false)
      const sslOptions = { rejectUnauthorized: false }
      expect(writeSettingsOf({ ...ssl, ssl_verify, client_options: { sslOptions } }).tls?.verify).toBe(false)
      expect(writeSettingsOf({ ...least, ssl_verify, client_options: { sslOptions } }).tls?.verify).toBe(
        false,
      )
    }
  })

  it.each([false, null, 0, '', 'false', 'true', 1])('still verifies with rejectUnauthorized: %j', value => {
    const client_options = { sslOptions: { rejectUnauthorized: value as boolean } }
    // For Node and the driver, null means "not given".
    if (value === null) expect(writeSettingsOf({ ...ssl, client_options }).tls?.verify).toBe(true)
    else expect(refusal({ ...ssl, client_options }).message).toContain('`ssl_verify: false`')
  })

  it('accepts checkServerIdentity only together with ssl_ca_cert', () => {
    const sslOptions = { checkServerIdentity: () => undefined }
    expect(refusal({ ...ssl, client_options: { sslOptions } }).message).toContain(
      'unless `ssl_ca_cert` is given',
    )
    expect(() =>
      writeSettingsOf({ ...ssl, ssl_ca_cert: 'ca.pem', client_options: { sslOptions } }),
    ).not.toThrow()
    for (const none of [{ ca: '' }, { ca: [] }, { pfx: 'x' }]) {
      const client_options = { sslOptions: { ...sslOptions, ...none } }
      expect(refusal({ ...ssl, client_options }).message).toContain('unless `ssl_ca_cert` is given')
    }
    const withCa = { sslOptions: { ...sslOptions, ca: 'x' } }
    expect(() => writeSettingsOf({ ...ssl, client_options: withCa })).not.toThrow()
  })

  it.each([
    ['ca', { ssl_ca_cert: 'x' }],
    ['cert', { ssl_client_cert: 'x', ssl_client_key: 'y' }],
    ['key', { ssl_client_cert: 'x', ssl_client_key: 'y' }],
    ['pfx', { ssl_client_cert: 'x', ssl_client_key: 'y' }],
    ['servername', { ssl_server_name: 'x' }],
  ])('is not configured twice: sslOptions.%s together with %j', (name, given) => {
    const client_options = { sslOptions: { [name]: 'z' } }
    expect(refusal({ ...ssl, ...given, client_options }).message).toContain(`sslOptions.${name}\``)
  })

  it('cannot be both off and on', () => {
    const client_options = { sslOptions: {} }
    expect(refusal({ ...least, ssl_enabled: false, client_options }).option).toBe('ssl_enabled')
  })
})

describe('options that depend on each other', () => {
  it.each([
    ['delete_flag_column', 'ttl_column'],
    ['delete_flag_column', 'timestamp_column'],
    ['ttl_column', 'timestamp_column'],
  ])('%s and %s must name different properties', (one, other) => {
    const given = { ...least, delete_flag_column: 'op', delete_flag_value: 'D' }
    expect(refusal({ ...given, [one]: 'x', [other]: 'x' })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: other,
      message: `Expected \`${other}\` to name another property than \`${one}\` does`,
    })
  })

  it.each(['ttl_column', 'timestamp_column'])(
    'operation_column and %s must name different properties',
    other => {
      expect(refusal({ ...least, operation_column: 'x', [other]: 'x' })).toMatchObject({
        option: 'operation_column',
        message: `Expected \`operation_column\` to name another property than \`${other}\` does`,
      })
    },
  )

  it('mark deletes in only one way', () => {
    const given = { ...least, operation_column: 'x', delete_flag_column: 'op', delete_flag_value: 'D' }
    expect(refusal(given)).toMatchObject({
      option: 'delete_flag_column',
      message: 'Expected `delete_flag_column` to be absent, because `operation_column` already names deletes',
    })
  })

  it.each([
    ['username', 'password'],
    ['delete_flag_column', 'delete_flag_value'],
    ['ssl_client_cert', 'ssl_client_key'],
  ])('%s and %s must both be given or both be missing', (one, other) => {
    for (const [there, missing] of [
      [one, other],
      [other, one],
    ] as const) {
      expect(refusal({ ...least, ssl_enabled: true, [there]: 'x' })).toMatchObject({
        code: 'ERR_CASSANDRA_OPTION',
        option: missing,
        message: `Expected \`${missing}\` to be given beside \`${there}\``,
      })
    }
    expect(() => writeSettingsOf({ ...least, ssl_enabled: true, [one]: 'x', [other]: 'y' })).not.toThrow()
  })

  it('allow any write time only if rows have their own', () => {
    expect(refusal({ ...least, allow_any_timestamp: true })).toMatchObject({
      option: 'timestamp_column',
      message: 'Expected `timestamp_column` to be given beside `allow_any_timestamp`',
    })
    expect(() => writeSettingsOf({ ...least, allow_any_timestamp: false })).not.toThrow()
    expect(() =>
      writeSettingsOf({ ...least, allow_any_timestamp: 'true', timestamp_column: 'at' }),
    ).not.toThrow()
  })

  it('may include an empty password, which some servers use', () => {
    expect(writeSettingsOf({ ...least, username: 'me', password: '' }).credentials).toEqual({
      username: 'me',
      password: '',
    })
  })

  it.each([{ ssl_ca_cert: 'x' }, { ssl_server_name: 'x' }, { ssl_client_cert: 'x', ssl_client_key: 'y' }])(
    'include %j only together with ssl_enabled',
    tls => {
      const [name] = Object.keys(tls)
      expect(refusal({ ...least, ...tls }).message).toBe(
        `Expected \`ssl_enabled\` to be true beside \`${name}\``,
      )
      expect(refusal({ ...least, ...tls, ssl_enabled: false }).option).toBe(name)
      expect(writeSettingsOf({ ...least, ...tls, ssl_enabled: true }).tls).toBeDefined()
    },
  )

  it.each([
    { host: 'db1' },
    { port: 9043 },
    { username: 'me', password: 'x' },
    { ssl_enabled: true },
    { local_datacenter: 'dc1' },
    { client_options: {} },
    { ssl_verify: false },
  ])('cannot be client and %j, which the client already decides', own => {
    const [name] = Object.keys(own)
    expect(refusal({ keyspace: 'ks', table: 't', client, ...own })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: name,
    })
  })

  it.each([
    { host: 'db1' },
    { port: 9043 },
    { ssl_enabled: true },
    { ssl_verify: false },
    { ssl_ca_cert: 'ca.pem' },
    { ssl_client_cert: 'tls.crt', ssl_client_key: 'tls.key' },
    { ssl_server_name: 'db1' },
    { local_datacenter: 'dc1' },
  ])('cannot be a cloud bundle and %j, which the bundle already decides', own => {
    const client_options = { cloud: { secureConnectBundle: 'bundle.zip' } }
    const [name] = Object.keys(own)
    expect(refusal({ keyspace: 'ks', table: 't', client_options, ...own })).toMatchObject({
      option: name,
      message: expect.stringContaining('to be absent, because `client_options.cloud`'),
    })
  })

  it('cannot be a login and an auth provider', () => {
    const authProvider = new auth.PlainTextAuthProvider('me', 'x')
    const own = { username: 'me', password: 'x', client_options: { authProvider } }
    expect(refusal({ ...least, ...own })).toMatchObject({ option: 'username' })
  })

  it('must name the same port', () => {
    expect(refusal({ ...least, host: 'db1:9043,db2:9044' }).message).toBe(
      'Expected one port for all hosts, got 9043 and 9044',
    )
    expect(refusal({ ...least, host: 'db1:9043', port: 9042 }).option).toBe('port')
  })

  it('must include a client of protocol version 4 or newer, if the version is visible', () => {
    const speaking = (maxVersion: number) => ({ ...client, options: { protocolOptions: { maxVersion } } })
    for (const version of [1, 2, 3]) {
      const old = speaking(version) as unknown as Client
      expect(refusal({ keyspace: 'ks', table: 't', client: old }).message).toContain('protocol version 4')
    }
    for (const version of [0, 4, 0x42]) {
      const own = speaking(version) as unknown as Client
      expect(writeSettingsOf({ keyspace: 'ks', table: 't', client: own }).client).toBe(own)
    }
  })
})
