import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What a JVM for one node needs to know. */
export interface JvmSettings {
  readonly java: string
  readonly jars: string
  readonly folder: string
  readonly heapMegabytes: number
  /** Nodes of the cluster; Cassandra's own keyspaces have a replica on each. */
  readonly nodes: number
}

/** Command and arguments that run Cassandra in the foreground. */
export function javaCommand({ java, jars, folder, heapMegabytes, nodes }: JvmSettings): string[] {
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
    // A ring on one machine is settled at once, and everybody is told of a change in milliseconds.
    'cassandra.skip_wait_for_gossip_to_settle': 0,
    'cassandra.ring_delay_ms': 100,
    // Cassandra derives this from the ring delay. A joining node that is silent for half of it is dropped from gossip, and
    // is then never asked for its schema again (CASSANDRA-17883). On a busy machine every node is silent for 100 ms. This
    // is what Cassandra's own ring delay of 30 s gives.
    'cassandra.gossip_quarantine_delay_ms': 60_000,
    // A node that misses a schema change pulls the schema after this time, and tries again after it: Cassandra waits a
    // minute.
    'cassandra.migration_delay_ms': 1_000,
    'cassandra.schema_pull_interval_ms': 1_000,
    'cassandra.superuser_setup_delay_ms': 0,
    'cassandra.consistent.rangemovement': false,
    // One node of three may then go without taking logins with it.
    'cassandra.system_auth.default_rf': nodes,
    'cassandra.system_distributed.default_rf': nodes,
  }
  return [
    java,
    `-Xms${heapMegabytes}m`,
    `-Xmx${heapMegabytes}m`,
    '-Xss512k',
    // Measured: the least CPU to start with, and a small heap is collected fast enough.
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
