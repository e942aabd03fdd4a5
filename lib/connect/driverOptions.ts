import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { auth, type ClientOptions, policies } from 'cassandra-driver'
import type { ConnectionSettings } from '../options/settings.ts'
import { LocalDatacenterPolicy } from './localDatacenter.ts'
import { tlsOptions } from './tls.ts'

/** Longest time in milliseconds that one host may take to answer before the next is tried. */
const HOST_CONNECT_TIMEOUT_MS = 5_000

/** Longest time in milliseconds between two attempts to reach a host that was lost. */
const MOST_RECONNECT_MS = 5_000

/** Requests in flight on one connection, which many sinks share. The protocol has 32,768 stream ids for them. */
const MAX_REQUESTS = 30_000

/** Statements that the driver remembers: those of hundreds of tables. A statement that it forgot fails. */
const MAX_PREPARED = 20_000

/** Options of the driver's client: those that the user gave, and ours for what a promise depends on. */
export async function driverOptions(settings: ConnectionSettings): Promise<ClientOptions> {
  const { client_options: own = {}, credentials, tls } = settings
  const addresses = await resolveAll(settings.hosts)
  return {
    maxPrepared: MAX_PREPARED,
    // Preparing thousands of statements again would keep a node out for seconds. It says which ones it lacks.
    rePrepareOnUp: false,
    ...(settings.hosts.length > 0 && { contactPoints: [...settings.hosts] }),
    ...(settings.local_datacenter !== undefined && { localDataCenter: settings.local_datacenter }),
    ...(credentials !== undefined && {
      authProvider: new auth.PlainTextAuthProvider(credentials.username, credentials.password),
    }),
    ...(tls !== undefined && { sslOptions: await tlsOptions(tls, settings.hosts) }),
    ...own,
    pooling: { maxRequestsPerConnection: MAX_REQUESTS, ...own.pooling },
    protocolOptions: { port: settings.port, ...own.protocolOptions },
    socketOptions: {
      connectTimeout: Math.min(HOST_CONNECT_TIMEOUT_MS, settings.request_timeout_ms),
      readTimeout: settings.request_timeout_ms,
      ...own.socketOptions,
    },
    policies: {
      // Every write carries its own timestamp, and every retry is decided by the writer.
      timestampGeneration: null as unknown as policies.timestampGeneration.TimestampGenerator,
      retry: new policies.retry.FallthroughRetryPolicy(),
      // The driver's own waits up to ten minutes, which no request with its retries lasts.
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(250, MOST_RECONNECT_MS, false),
      ...(own.cloud === undefined &&
        settings.local_datacenter === undefined && { loadBalancing: new LocalDatacenterPolicy(addresses) }),
      ...own.policies,
    },
  }
}

/** Addresses behind the contact points; a name that does not resolve is left for the driver to report. */
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
