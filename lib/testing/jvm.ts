import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What the JVM of one node is started with. */
export interface JvmSettings {
  readonly java: string
  readonly jars: string
  readonly folder: string
  readonly heapMegabytes: number
  /** Number of nodes in the cluster. Cassandra's own keyspaces have a replica on each. */
  readonly nodes: number
  /** Override the system properties. For specs. */
  readonly properties?: Properties
}

/** Java system properties by name. */
export type Properties = Readonly<Record<string, unknown>>

/** Command and arguments that run Cassandra in the foreground. */
export function javaCommand(settings: JvmSettings): string[] {
  const { java, jars, folder, heapMegabytes, nodes } = settings
  const file = (name: string) => pathToFileURL(join(folder, name)).href
  const properties = {
    'jdk.attach.allowAttachSelf': true,
    'io.netty.tryReflectionSetAccessible': true,
    'io.netty.allocator.useCacheForAllThreads': true,
    'io.netty.allocator.maxOrder': 11,
    'cassandra-foreground': 'yes',
    'cassandra.config': file('cassandra.yaml'),
    'cassandra.storagedir': folder,
    'logback.configurationFile': file('logback.xml'),
    'java.io.tmpdir': folder,
    // On one machine, gossip settles at once, and all nodes learn of a change within milliseconds.
    'cassandra.skip_wait_for_gossip_to_settle': 0,
    'cassandra.ring_delay_ms': 100,
    // Cassandra derives this from the ring delay if it is not set. A joining node that is silent for half of it is dropped
    // from gossip, and is then never asked for its schema again (CASSANDRA-17883). On a busy machine, any node may be silent
    // for 100 ms. This value is the one for Cassandra's default ring delay of 30 s.
    'cassandra.gossip_quarantine_delay_ms': 60_000,
    // A node that misses a schema change pulls the schema after this time, and tries again at this interval. The default is
    // a minute.
    'cassandra.migration_delay_ms': 1_000,
    'cassandra.schema_pull_interval_ms': 1_000,
    'cassandra.superuser_setup_delay_ms': 0,
    'cassandra.consistent.rangemovement': false,
    // With a replica on every node, logins work while one node of three is down.
    'cassandra.system_auth.default_rf': nodes,
    'cassandra.system_distributed.default_rf': nodes,
    ...settings.properties,
  }
  return [
    java,
    `-Xms${heapMegabytes}m`,
    `-Xmx${heapMegabytes}m`,
    '-Xss512k',
    // Measured: this collector uses the least CPU during a start, and is fast enough for a small heap.
    '-XX:+UseSerialGC',
    '-XX:+ExitOnOutOfMemoryError',
    `-XX:ErrorFile=${join(folder, 'hs_err.log')}`,
    ...JDK_EXPORTS.map(name => `--add-exports=${name}=ALL-UNNAMED`),
    ...JDK_OPENS.map(name => `--add-opens=${name}=ALL-UNNAMED`),
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    '-cp',
    join(jars, '*'),
    'org.apache.cassandra.service.CassandraDaemon',
  ]
}

// Both lists join conf/jvm11-server.options and conf/jvm17-server.options of Cassandra 5.0; Java only warns about a
// package it does not have.
const JDK_EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.util',
  'java.base/sun.nio.ch',
  'java.base/java.lang.ref',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.attach/sun.tools.attach',
  'jdk.compiler/com.sun.tools.javac.file',
  'jdk.unsupported/sun.misc',
]

const JDK_OPENS = [
  'java.base/java.io',
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.util',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.compiler/com.sun.tools.javac',
  'jdk.management/com.sun.management.internal',
]
