// A member of a group that the campaign kills. Writes what it consumes and reports.
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { Client } from 'cassandra-driver'
import { Kafka, logLevel } from 'kafkajs'
import type { EpochContext } from '../../lib/diagnostics.ts'
import { type KafkaSinkOptions, kafkaJsConsumer, runKafkaSink } from '../../lib/kafka/index.ts'
import type { MessageRow } from './rows.ts'

/** The Kafka client and protocol of a member. */
export type ClientKind = 'classic' | 'consumer' | 'kafkajs'

/** The input of the process. */
export interface Task {
  readonly brokers: readonly string[]
  readonly client: ClientKind
  readonly group_id: string
  readonly topic: string
  readonly checkpoint: KafkaSinkOptions['checkpoint']
  readonly contactPoint: string
  readonly localDataCenter: string
  readonly keyspace: string
  readonly table: string
  readonly rows_per_epoch: number
  readonly epoch_interval_ms: number
  readonly max_buffered_bytes: number
}

/** A report of the process, one per line. */
export type Word =
  | { readonly failed: string }
  | { readonly ended: { readonly fenced: number } }
  /** It writes an epoch again that another member, or itself, had begun. */
  | { readonly replayed: number }

// A member without its campaign would stay, and later connect to servers of other specs.
process.stdin.once('end', () => process.exit(1)).resume()
process.stdin.unref()

const task = JSON.parse(process.argv[2] ?? '') as Task

/** Writes synchronously, so that a kill just afterwards does not lose the word. */
function say(word: Word): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

subscribe('tracing:cassandra-streams:epoch:start', message => {
  const { replayed, epoch_id } = message as EpochContext
  if (replayed) say({ replayed: epoch_id })
})

const { brokers, client: kind, group_id, topic, checkpoint, contactPoint, localDataCenter } = task
const { keyspace, table, rows_per_epoch, epoch_interval_ms, max_buffered_bytes } = task
const times = { sessionTimeout: 6_000, heartbeatInterval: 500, rebalanceTimeout: 15_000 }
const cassandra = new Client({ contactPoints: [contactPoint], localDataCenter })
const source =
  kind === 'kafkajs'
    ? {
        consumer: kafkaJsConsumer(new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }), {
          consumer_options: times,
        }),
      }
    : {
        brokers,
        group_protocol: kind,
        kafka_options: kind === 'classic' ? times : {},
      }

const sink = runKafkaSink<MessageRow>({
  ...source,
  group_id,
  topics: topic,
  checkpoint,
  tombstones: 'delete',
  row: ({ key, value }) => JSON.parse(String(value ?? key)),
  client: cassandra,
  keyspace,
  table,
  rows_per_epoch,
  epoch_interval_ms,
  max_buffered_bytes,
  // No restart of a broker should take longer.
  retry_timeout_ms: 120_000,
  // A member may be suspended while it connects.
  wait_for_server_ms: 120_000,
})
// One that is leaving gets the signal again when the round ends.
process.on('SIGTERM', () => void sink.stop().catch(() => {}))
try {
  await sink.done
  say({ ended: { ...sink.stats } })
} catch (error) {
  const { code, message, cause } = error as { code?: string; message?: string; cause?: unknown }
  say({ failed: `${code}: ${message} ${cause ?? ''}` })
}
// The driver keeps a connection open that it was still opening when it was shut down.
await cassandra.connect().catch(() => {})
await cassandra.shutdown()
