import { join } from 'node:path'

/** The settings in the configuration files of one node. */
export interface NodeSettings {
  /** Folder of this node's data, logs and configuration. */
  readonly folder: string
  readonly address: string
  readonly seeds: readonly string[]
  readonly nativePort: number
  readonly storagePort: number
  /** Tokens of this node on the ring. */
  readonly tokens: readonly bigint[]
  readonly auth: boolean
  /** Whether every write waits for the commit log. */
  readonly durable: boolean
  /** PEM files for TLS with clients. Absent without TLS. */
  readonly tls?: {
    readonly keyAndCertificate: string
    readonly ca: string
    /** Whether a client must present a certificate that the CA signed. */
    readonly isMutual: boolean
  }
}

/** A part of `cassandra.yaml`. */
export type Yaml = { readonly [key: string]: unknown }

/** The text of `cassandra.yaml`, as JSON, which is valid YAML. Settings that are not named here keep Cassandra's defaults. */
export function cassandraYaml(node: NodeSettings, overrides: Yaml = {}): string {
  return JSON.stringify(
    { ...base(node), ...commitLog(node), ...login(node), ...tls(node), ...overrides },
    null,
    2,
  )
}

function base(node: NodeSettings): Yaml {
  return {
    cluster_name: 'cassandra-streams testing',
    partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
    endpoint_snitch: 'SimpleSnitch',
    seed_provider: [
      {
        class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
        parameters: [{ seeds: node.seeds.map(seed => `${seed}:${node.storagePort}`).join(',') }],
      },
    ],
    listen_address: node.address,
    rpc_address: node.address,
    native_transport_port: node.nativePort,
    storage_port: node.storagePort,
    num_tokens: node.tokens.length,
    initial_token: node.tokens.join(','),
    auto_bootstrap: false,
    auto_snapshot: false,
    materialized_views_enabled: true,
    concurrent_compactors: 1,
    file_cache_size: '64MiB',
    networking_cache_size: '32MiB',
    dynamic_snitch: false,
  }
}

function commitLog({ durable }: NodeSettings): Yaml {
  return durable
    ? { commitlog_sync: 'batch' }
    : { commitlog_sync: 'periodic', commitlog_sync_period: '10000ms' }
}

function login({ auth }: NodeSettings): Yaml {
  if (!auth) return {}
  return {
    authenticator: 'PasswordAuthenticator',
    authorizer: 'CassandraAuthorizer',
    role_manager: 'CassandraRoleManager',
  }
}

function tls({ tls }: NodeSettings): Yaml {
  if (tls === undefined) return {}
  return {
    client_encryption_options: {
      enabled: true,
      optional: false,
      require_client_auth: tls.isMutual,
      ssl_context_factory: { class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory' },
      keystore: tls.keyAndCertificate,
      truststore: tls.ca,
    },
  }
}

/** Paths of the log files in a node's folder: Cassandra's log, and the output of the JVM. */
export function logFiles(folder: string): { system: string; output: string } {
  return { system: join(folder, 'system.log'), output: join(folder, 'output.log') }
}

/** The text of `logback.xml`. */
export function logbackXml(folder: string): string {
  return `<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>${escapeXml(logFiles(folder).system)}</file>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE" /></root>
</configuration>
`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

/** Tokens of node `index` of `nodes`. The tokens of all nodes are evenly spread, and the nodes take turns along the ring. */
export function tokensOf(index: number, nodes: number, tokensEach = 16): bigint[] {
  const step = 2n ** 64n / BigInt(nodes * tokensEach)
  return Array.from(
    { length: tokensEach },
    (_, turn) => -(2n ** 63n) + 1n + step * BigInt(turn * nodes + index),
  )
}
