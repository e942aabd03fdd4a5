// One process of a round of bench/kafka.ts.
import { Client } from 'cassandra-driver'

/** The input of the process. */
export interface KafkaJob {
  readonly brokers: readonly string[]
  readonly protocol: 'classic' | 'consumer'
  readonly group_id: string
  readonly topic: string
  readonly checkpoint: string | { readonly keyspace: string }
  readonly contactPoint: string
  readonly localDataCenter: string
  readonly keyspace: string
  readonly table: string
}

/** The process prints this ten times per second. */
export interface KafkaReport {
  readonly rows: number
  /** When the first and the last row were written, in milliseconds since 1970. */
  readonly first_ms: number
  readonly last_ms: number
  readonly cpu_seconds: number
}

const REPORT_MS = 100

/** The built package, because users run that. */
const { runKafkaSink } = (await import(
  new URL('../dist/kafka/index.js', import.meta.url).href
)) as typeof import('../lib/kafka/index.ts')

const job = JSON.parse(process.argv[2] ?? '') as KafkaJob
const { brokers, protocol, group_id, topic, checkpoint, contactPoint, localDataCenter, keyspace, table } = job
const client = new Client({ contactPoints: [contactPoint], localDataCenter })
const sink = runKafkaSink({
  brokers,
  group_protocol: protocol,
  kafka_options: protocol === 'classic' ? { sessionTimeout: 10_000, rebalanceTimeout: 15_000 } : {},
  group_id,
  topics: topic,
  checkpoint,
  row: ({ key, value }) => ({ id: Number(key), ...(JSON.parse(String(value)) as object) }),
  client,
  keyspace,
  table,
})
let [rows, first_ms, last_ms] = [0, Number.MAX_SAFE_INTEGER, 0]
let before = process.cpuUsage()
const timer = setInterval(() => {
  const { rows_written } = sink.stats
  if (rows_written > rows) {
    last_ms = Date.now()
    if (rows === 0) {
      first_ms = last_ms - REPORT_MS
      before = process.cpuUsage()
    }
  }
  rows = rows_written
  const { user, system } = process.cpuUsage(before)
  console.log(JSON.stringify({ rows, first_ms, last_ms, cpu_seconds: (user + system) / 1e6 }))
}, REPORT_MS)
process.once('SIGTERM', () => void sink.stop().catch(() => {}))
await sink.done.catch(console.error)
clearInterval(timer)
await client.shutdown()
