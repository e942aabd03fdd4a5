import { describe, expect, it } from 'vitest'
import { cassandraYaml, logbackXml, type NodeSettings, tokensOf } from '../../../lib/testing/config.ts'

const node: NodeSettings = {
  folder: '/data/node1',
  address: '127.0.0.2',
  seeds: ['127.0.0.1', '127.0.0.2'],
  nativePort: 19042,
  storagePort: 17000,
  tokens: [-5n, 9_000_000_000_000_000_001n],
  auth: false,
  durable: false,
}

describe('cassandra.yaml', () => {
  it('puts the node at its address and ports', () => {
    expect(JSON.parse(cassandraYaml(node))).toMatchObject({
      listen_address: '127.0.0.2',
      rpc_address: '127.0.0.2',
      native_transport_port: 19042,
      storage_port: 17000,
      seed_provider: [{ parameters: [{ seeds: '127.0.0.1:17000,127.0.0.2:17000' }] }],
    })
  })

  it('keeps every digit of the tokens', () => {
    expect(JSON.parse(cassandraYaml(node))).toMatchObject({
      num_tokens: 2,
      initial_token: '-5,9000000000000000001',
    })
  })

  it('requires a login and TLS only on request', () => {
    const plain = JSON.parse(cassandraYaml(node))
    expect(plain).not.toHaveProperty('authenticator')
    expect(plain).not.toHaveProperty('client_encryption_options')
    const tls = { keyAndCertificate: '/data/node.pem', ca: '/data/ca.pem', isMutual: false }
    expect(JSON.parse(cassandraYaml({ ...node, auth: true, tls }))).toMatchObject({
      authenticator: 'PasswordAuthenticator',
      client_encryption_options: { enabled: true, optional: false, keystore: '/data/node.pem' },
    })
  })

  it('demands a client certificate only with mutual TLS', () => {
    const yaml = (isMutual: boolean) => {
      const tls = { keyAndCertificate: '/data/node.pem', ca: '/data/ca.pem', isMutual }
      return JSON.parse(cassandraYaml({ ...node, tls }))
    }
    expect(yaml(false)).toMatchObject({ client_encryption_options: { require_client_auth: false } })
    expect(yaml(true)).toMatchObject({
      client_encryption_options: { require_client_auth: true, optional: false, truststore: '/data/ca.pem' },
    })
  })

  it('has no period for a commit log that every write waits for, because Cassandra would refuse it', () => {
    const yaml = JSON.parse(cassandraYaml({ ...node, durable: true }))
    expect(yaml).toMatchObject({ commitlog_sync: 'batch' })
    expect(yaml).not.toHaveProperty('commitlog_sync_period')
  })
})

describe('tokens', () => {
  it('are spread evenly over the whole ring and alternate between the nodes', () => {
    const ring = [0, 1, 2]
      .flatMap(index => tokensOf(index, 3, 4).map(token => ({ token, index })))
      .sort((a, b) => (a.token < b.token ? -1 : 1))
    expect(ring.map(({ index }) => index)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    const gaps = ring.slice(1).map(({ token }, before) => token - (ring[before]?.token ?? 0n))
    expect(new Set(gaps)).toEqual(new Set([2n ** 64n / 12n]))
    expect(ring[0]?.token).toBeGreaterThan(-(2n ** 63n))
    expect(ring.at(-1)?.token).toBeLessThan(2n ** 63n)
  })
})

describe('logback.xml', () => {
  it('escapes the folder', () => {
    expect(logbackXml('/a&b')).toContain('<file>/a&amp;b/system.log</file>')
  })
})
