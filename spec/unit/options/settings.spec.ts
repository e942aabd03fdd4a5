import type { Client } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../lib/index.ts'
import type { CassandraWritableOptions } from '../../../lib/options/options.ts'
import { readWriteOptions } from '../../../lib/options/settings.ts'

const least = { host: 'db1', keyspace: 'ks', table: 't' }
const client = { execute: () => {} } as unknown as Client

function refusal(options: Partial<CassandraWritableOptions>): OptionError {
  try {
    readWriteOptions(options as CassandraWritableOptions)
  } catch (error) {
    if (error instanceof OptionError) return error
    throw error
  }
  throw new Error('Expected the options to be refused')
}

describe('settings', () => {
  it('have the defaults of the README where nothing is given', () => {
    expect(readWriteOptions(least)).toMatchObject({
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

  it('cannot be changed, neither in place nor through the options they came from', () => {
    const options = { ...least, host: ['db1'], concurrency: 7 }
    const settings = readWriteOptions(options)
    options.concurrency = 8
    expect(settings.concurrency).toBe(7)
    expect(Object.isFrozen(settings)).toBe(true)
  })

  it('have hosts as a list in each spelling', () => {
    const hosts = ['db1', 'db2']
    for (const host of ['db1,db2', ' db1 , db2 ', hosts]) {
      expect(readWriteOptions({ ...least, host }).hosts).toEqual(hosts)
    }
  })

  it('have the consistency in capitals', () => {
    expect(readWriteOptions({ ...least, consistency: 'each_quorum' }).consistency).toBe('EACH_QUORUM')
  })

  it('keep the numbers that were given, zero included', () => {
    expect(readWriteOptions({ ...least, flush_interval_ms: 0, retry_timeout_ms: 0, ttl: 0 })).toMatchObject({
      flush_interval_ms: 0,
      retry_timeout_ms: 0,
      ttl: 0,
    })
  })
})

describe('options that must be given', () => {
  it.each(['keyspace', 'table'])('%s is named when it is missing', name => {
    expect(refusal({ ...least, [name]: undefined })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: name,
      message: `Expected \`${name}\` to be given`,
    })
  })

  it('are a host or a client or a cloud bundle', () => {
    expect(refusal({ keyspace: 'ks', table: 't' }).message).toBe('Expected `host` or `client` to be given')
    const cloud = { cloud: { secureConnectBundle: 'bundle.zip' } }
    expect(readWriteOptions({ keyspace: 'ks', table: 't', client_options: cloud }).hosts).toEqual([])
    expect(readWriteOptions({ keyspace: 'ks', table: 't', client }).client).toBe(client)
  })
})

describe('options that go together', () => {
  it.each([
    ['username', 'password'],
    ['delete_flag_column', 'delete_flag_value'],
    ['ssl_client_cert', 'ssl_client_key'],
  ])('%s and %s are both given or neither', (one, other) => {
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
    expect(() => readWriteOptions({ ...least, ssl_enabled: true, [one]: 'x', [other]: 'y' })).not.toThrow()
  })

  it('include an empty password, which some servers have', () => {
    expect(readWriteOptions({ ...least, username: 'me', password: '' }).credentials).toEqual({
      username: 'me',
      password: '',
    })
  })

  it.each([{ ssl_ca_cert: 'x' }, { ssl_server_name: 'x' }, { ssl_client_cert: 'x', ssl_client_key: 'y' }])(
    'are %j only beside ssl_enabled',
    tls => {
      const [name] = Object.keys(tls)
      expect(refusal({ ...least, ...tls }).message).toBe(
        `Expected \`ssl_enabled\` to be true beside \`${name}\``,
      )
      expect(refusal({ ...least, ...tls, ssl_enabled: false }).option).toBe(name)
      expect(readWriteOptions({ ...least, ...tls, ssl_enabled: true }).tls).toBeDefined()
    },
  )

  it.each([
    { host: 'db1' },
    { port: 9043 },
    { username: 'me', password: 'x' },
    { ssl_enabled: true },
    { local_datacenter: 'dc1' },
    { client_options: {} },
  ])('are not client and %j, which it has decided already', own => {
    const [name] = Object.keys(own)
    expect(refusal({ keyspace: 'ks', table: 't', client, ...own })).toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: name,
    })
  })
})
