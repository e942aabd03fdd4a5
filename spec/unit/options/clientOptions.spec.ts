import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { policies } from 'cassandra-driver'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../lib/index.ts'
import { driverVerdicts, passedOptions } from '../../../lib/options/clientOptions.ts'

const refusal = (own: object) => {
  try {
    passedOptions(own)
  } catch (error) {
    if (error instanceof OptionError) return error
  }
  throw new Error('Expected the options to be refused')
}

describe('options of the driver', () => {
  it('are passed to the driver if they contradict nothing, including unknown ones', () => {
    const own = {
      cloud: { secureConnectBundle: 'bundle.zip' },
      applicationName: 'loader',
      pooling: { coreConnectionsPerHost: { 0: 2 }, heartBeatInterval: 10_000 },
      policies: { loadBalancing: new policies.loadBalancing.RoundRobinPolicy() },
      queryOptions: { customPayload: { a: Buffer.of(1) } },
      socketOptions: { keepAlive: false },
      sslOptions: { passphrase: 'x', ALPNProtocols: ['cql'] },
    }
    expect(passedOptions(own)).toEqual(own)
    expect(passedOptions(own).policies?.loadBalancing).toBe(own.policies.loadBalancing)
  })

  it('are left out if a sink sets them itself, and other options of their group are passed', () => {
    const own = {
      encoding: { useUndefinedAsUnset: false, copyBuffer: false },
      maxPrepared: 1,
      queryOptions: { fetchSize: 3, prepare: false, isIdempotent: true, traceQuery: true },
      pooling: { maxRequestsPerConnection: 1, warmup: false },
      socketOptions: { defunctReadTimeoutThreshold: 1, tcpNoDelay: true },
      promiseFactory: () => {},
    }
    expect(passedOptions(own as object)).toEqual({
      queryOptions: { traceQuery: true },
      pooling: { warmup: false },
      socketOptions: { tcpNoDelay: true },
    })
  })

  it.each(Object.entries(driverVerdicts).filter(([, verdict]) => verdict === 'ours'))(
    'are left out only if the page says so: %s',
    name => {
      const page = readFileSync(resolve(import.meta.dirname, '../../../docs/options.md'), 'utf8')
      // The page names `queryOptions` as a whole.
      expect(page).toContain(`\`${name.replace(/^(queryOptions)\..*/, '$1')}\``)
    },
  )

  it('count as not given if they are undefined or null', () => {
    const own = { policies: { loadBalancing: undefined }, socketOptions: null, sslOptions: undefined }
    expect(passedOptions(own as object)).toEqual({ policies: {} })
  })

  it('are copied, so that a later change has no effect', () => {
    const own = { sslOptions: { passphrase: 'x' }, policies: {} }
    const passed = passedOptions(own)
    own.sslOptions.passphrase = 'y'
    expect(passed.sslOptions).toEqual({ passphrase: 'x' })
  })

  it.each([
    ['contactPoints', { contactPoints: ['db1'] }, '`host`'],
    ['localDataCenter', { localDataCenter: 'dc1' }, '`local_datacenter`'],
    ['keyspace', { keyspace: 'ks' }, '`keyspace`'],
    ['credentials', { credentials: { username: 'me', password: 'sesame' } }, '`username` and `password`'],
    ['profiles', { profiles: [] }, '`consistency`'],
    ['policies.retry', { policies: { retry: {} } }, '`retry_timeout_ms`'],
    ['policies.speculativeExecution', { policies: { speculativeExecution: {} } }, 'list'],
    ['policies.timestampGeneration', { policies: { timestampGeneration: {} } }, '`timestamp_column`'],
    ['protocolOptions.port', { protocolOptions: { port: 9043 } }, '`port`'],
    ['protocolOptions.maxVersion', { protocolOptions: { maxVersion: 3 } }, 'version 4'],
    ['protocolOptions.maxVersion', { protocolOptions: { maxVersion: 5 } }, 'version 4'],
    ['sslOptions.secureContext', { sslOptions: { secureContext: {} } }, 'older than 1.2'],
    ['socketOptions', { socketOptions: [] }, 'an object'],
    ['queryOptions.consistency', { queryOptions: { consistency: 1 } }, '`consistency`'],
    ['socketOptions.connectTimeout', { socketOptions: { connectTimeout: 0 } }, 'from 1'],
    ['socketOptions.readTimeout', { socketOptions: { readTimeout: 0 } }, '`request_timeout_ms`'],
    ['queryOptions.readTimeout', { queryOptions: { readTimeout: 1 } }, '`request_timeout_ms`'],
    ['socketOptions', { socketOptions: 'sesame' }, 'an object'],
    ['sslOptions', { sslOptions: true }, 'an object'],
    ['sslOptions.host', { sslOptions: { host: 'sesame' } }, 'dials'],
    ['sslOptions.port', { sslOptions: { port: 1 } }, 'dials'],
    ['sslOptions.socket', { sslOptions: { socket: {} } }, 'dials'],
    ['sslOptions.minVersion', { sslOptions: { minVersion: 'TLSv1' } }, 'TLSv1.2'],
    ['sslOptions.maxVersion', { sslOptions: { maxVersion: 'TLSv1.1' } }, 'TLSv1.2'],
    ['sslOptions.secureProtocol', { sslOptions: { secureProtocol: 'TLSv1_method' } }, 'minVersion'],
  ])('are refused by name if they contradict a guarantee: %s', (name, own, instead) => {
    const { code, option, message } = refusal(own)
    expect({ code, option }).toEqual({ code: 'ERR_CASSANDRA_OPTION', option: 'client_options' })
    expect(message).toContain(`Expected \`client_options.${name}\` to be`)
    expect(message).toContain(instead)
    expect(message).not.toContain('sesame')
  })

  it('accept the protocol versions of the driver from 4 on', () => {
    for (const maxVersion of [0, 4, 0x41, 0x42]) {
      expect(passedOptions({ protocolOptions: { maxVersion } }).protocolOptions).toEqual({ maxVersion })
    }
  })
})
