import { join } from 'node:path'
import type { KafkaOptions } from './kafka.ts'

/** The settings in the file of one broker. */
export interface BrokerSettings extends Required<KafkaOptions> {
  /** Folder of the data, the log and the configuration. */
  readonly folder: string
  readonly port: number
  readonly controllerPort: number
}

/** The text of `server.properties`: one broker that is its own controller (KRaft). */
export function serverProperties(settings: BrokerSettings): string {
  const { folder, port, controllerPort, session_timeout_ms: session, properties } = settings
  const heartbeat = Math.max(200, Math.floor(session / 6))
  const all = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(folder, 'data'),
    // A test creates its topics itself.
    'auto.create.topics.enable': false,
    // By default, Kafka's own topics have three replicas, which need three brokers, and 50 partitions.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': Math.min(1000, session),
    'group.consumer.min.session.timeout.ms': Math.min(1000, session),
    'group.consumer.session.timeout.ms': session,
    'group.consumer.min.heartbeat.interval.ms': 100,
    'group.consumer.heartbeat.interval.ms': heartbeat,
    'log.cleaner.dedupe.buffer.size': 2 * 1024 * 1024,
    ...properties,
  }
  return Object.entries(all)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** Command and arguments that format the folder of a broker. */
export function formatCommand(java: string, jars: string, file: string, clusterId: string): string[] {
  return [...jvm(java, jars), 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]
}

/** Command and arguments that run Kafka in the foreground. */
export function brokerCommand(java: string, jars: string, file: string): string[] {
  return [...jvm(java, jars), 'kafka.Kafka', file]
}

function jvm(java: string, jars: string): string[] {
  return [
    java,
    '-Xms256m',
    '-Xmx512m',
    '-Xss512k',
    // Measured for Cassandra: this collector uses the least CPU during a start, and is fast enough for a small heap.
    '-XX:+UseSerialGC',
    '-XX:+ExitOnOutOfMemoryError',
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
    '-cp',
    join(jars, '*'),
  ]
}
