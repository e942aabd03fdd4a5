import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { auth, type ClientOptions, policies } from 'cassandra-driver'
import { passedOptions } from '../options/clientOptions.ts'
import type { ConnectionSettings } from '../options/settings.ts'
import { LocalDatacenterPolicy } from './localDatacenter.ts'
import { warnOfPlainCredentials } from './plainCredentials.ts'
import { tlsOptions } from './tls.ts'

/** Longest time in milliseconds that one host may take to answer before the next is tried. */
const HOST_CONNECT_TIMEOUT_MS = 5_000

/** Longest time in milliseconds between two attempts to reach a host that was lost. */
const MOST_RECONNECT_MS = 5_000

/** Maximum number of requests in flight per connection, which many sinks share. The protocol has 32,768 stream ids. */
const MAX_REQUESTS = 30_000

/** Statements that the driver remembers, enough for hundreds of tables. A request with a forgotten statement fails. */
const MAX_PREPARED = 20_000

/**
 * The protocol version that Cassandra and the driver share. By default the driver first offers a version of another product,
 * which a server may refuse twice. On the second refusal the driver gives one stream to two requests at once, and connecting
 * never ends: seen with TLS 1.3 and a client certificate.
 */
const PROTOCOL_VERSION = 4

/**
 * Options of the driver's client: those of the caller that are allowed, and our own where a guarantee depends on them.
 * @throws OptionError
 */
export async function driverOptions(settings: ConnectionSettings): Promise<ClientOptions> {
  const { credentials, hosts, local_datacenter, request_timeout_ms, tls } = settings
  const own = passedOptions(settings.client_options ?? {})
  const addresses = await resolveAll(hosts)
  warnOfPlainCredentials(settings, addresses)
  return {
    // Preparing thousands of statements again would keep a returning node out for seconds. The node says which ones it lacks.
    rePrepareOnUp: false,
    ...own,
    maxPrepared: MAX_PREPARED,
    pooling: { ...own.pooling, maxRequestsPerConnection: MAX_REQUESTS },
    ...(hosts.length > 0 && { contactPoints: [...hosts] }),
    ...(local_datacenter !== undefined && { localDataCenter: local_datacenter }),
    ...(credentials !== undefined && {
      authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password),
    }),
    ...(tls !== undefined && { sslOptions: await tlsOptions(tls, hosts, own.sslOptions) }),
    protocolOptions: { maxVersion: PROTOCOL_VERSION, ...own.protocolOptions, port: settings.port },
    socketOptions: {
      connectTimeout: Math.min(HOST_CONNECT_TIMEOUT_MS, request_timeout_ms),
      ...own.socketOptions,
      readTimeout: request_timeout_ms,
    },
    policies: {
      // The driver's default waits up to ten minutes, longer than a request with all its retries.
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(250, MOST_RECONNECT_MS, false),
      ...(!Object.hasOwn(own, 'cloud') &&
        local_datacenter === undefined && { loadBalancing: new LocalDatacenterPolicy(addresses) }),
      ...own.policies,
      // Every write carries its own timestamp, and the writer decides about every retry.
      timestampGeneration: null as unknown as policies.timestampGeneration.TimestampGenerator,
      retry: new policies.retry.FallthroughRetryPolicy(),
    },
  }
}

/** Addresses of the contact points. The driver reports a name that does not resolve. */
async function resolveAll(hosts: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    hosts.map(async host => {
      if (isIP(host)) return [host]
      return lookup(host, { all: true }).then(
        all => all.map(({ address }) => address),
        () => [],
      )
    }),
  )
  return new Set(found.flat())
}
