import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, inject, onTestFinished, vi } from 'vitest'
import { type KafkaSink, kafkaJsConsumer, runKafkaSink } from '../../lib/kafka/index.ts'
import type { KafkaSinkOptions } from '../../lib/options/kafkaOptions.ts'
import { useKeyspace } from '../integration/keyspace.ts'
import { Topics } from './topics.ts'

export interface Row {
  readonly k: string
  readonly v?: unknown
}

export type More = Partial<KafkaSinkOptions<Row>>

export const WITHIN = { timeout: 60_000, interval: 100 }
const kafka_options = { sessionTimeout: 6_000, heartbeatInterval: 500, rebalanceTimeout: 10_000 }

/** Options of each kind of member. */
export function memberKinds(): Readonly<Record<string, More>> {
  return {
    'the classic protocol': { group_protocol: 'classic' },
    'the protocol of KIP-848': { group_protocol: 'consumer', kafka_options: {} },
    kafkajs: {
      brokers: undefined,
      kafka_options: undefined,
      consumer: kafkaJsConsumer(new Kafka({ brokers: inject('brokers'), logLevel: logLevel.NOTHING }), {
        consumer_options: kafka_options,
      }),
    },
  }
}

/** Gives each spec a table of keys and values, a topic, and a group with a folder for its checkpoints. */
export function useKafka(keyspace: string) {
  const ks = useKeyspace(keyspace)
  const brokers = inject('brokers')
  const topics = new Topics(brokers)
  let folder = ''
  beforeAll(async () => {
    await topics.open()
    folder = await mkdtemp(join(tmpdir(), 'kafka-checkpoints-'))
  })
  afterAll(async () => {
    await topics.close()
    await rm(folder, { recursive: true, force: true })
  })

  const scene = async (partitions = 1, definition = 'k text PRIMARY KEY, v int') => {
    const topic = await topics.make('sink', partitions)
    const table = await ks.table(definition)
    const checkpoint = await mkdtemp(join(folder, 'group-'))
    const group_id = `group.of/${topic}`
    const options: KafkaSinkOptions<Row> = {
      brokers,
      group_id,
      topics: topic,
      checkpoint,
      row: ({ key, value }) => ({ k: String(key), v: value === null ? null : Number(value) }),
      ...ks.target,
      table,
      epoch_interval_ms: 50,
      kafka_options,
    }
    const start = (more: More = {}) => {
      const sink = runKafkaSink<Row>({ ...options, ...more })
      // Specs that await `done` still get the error.
      sink.done.catch(() => {})
      onTestFinished(() => sink.stop().catch(() => {}))
      return sink
    }
    const send = (values: readonly (number | null)[], partition = 0, key = (i: number) => `k${i}`) =>
      topics.send(
        topic,
        values.map((value, i) => ({ partition, key: key(i), value: value === null ? null : String(value) })),
      )
    const found = async () => {
      const rows = await ks.select(`SELECT k, v FROM ${ks.name}.${table}`)
      return Object.fromEntries(rows.map(({ k, v }) => [String(k), v]))
    }
    /** Two transactions at the same time. The one that begins first ends last, and both are aborted. */
    const overlapping = async () => {
      const [outer, inner] = await Promise.all(
        ['outer', 'inner'].map(async name => {
          const transactionalId = `${name} of ${topic}`
          const producer = topics.kafka.producer({
            transactionalId,
            idempotent: true,
            maxInFlightRequests: 1,
          })
          await producer.connect()
          const transaction = await producer.transaction()
          const send = (key: string | Buffer) =>
            transaction.send({ topic, messages: [{ key, value: '1', partition: 0 }] })
          const abort = async () => {
            await transaction.abort()
            await producer.disconnect()
          }
          return { send, abort }
        }),
      )
      await outer?.send('before')
      await inner?.send('inner')
      // The key of the record that ends an aborted transaction.
      await inner?.send(Buffer.alloc(4))
      await inner?.send('last')
      await outer?.send('after')
      await inner?.abort()
      await outer?.abort()
    }
    /** Runs transactions, each with these keys. */
    const transactions = async (
      ...all: readonly (readonly [end: 'commit' | 'abort', ...keys: string[]])[]
    ) => {
      const transactionalId = `transactions of ${topic}`
      const producer = topics.kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
      await producer.connect()
      for (const [end, ...keys] of all) {
        const transaction = await producer.transaction()
        for (const key of keys)
          await transaction.send({ topic, messages: [{ key, value: '1', partition: 0 }] })
        await transaction[end]()
      }
      await producer.disconnect()
    }
    return { topic, table, checkpoint, group_id, start, send, found, transactions, overlapping }
  }
  return { ks, topics, scene }
}

export const written = (sink: KafkaSink, rows: number) =>
  unlessFailed(
    sink,
    vi.waitFor(
      () => expect(sink.stats.rows_written + sink.stats.rows_deleted + sink.stats.rows_set_aside).toBe(rows),
      WITHIN,
    ),
  )

/** Waits for a promise, or rejects when the sink fails. */
const unlessFailed = (sink: KafkaSink, wait: Promise<void>) =>
  Promise.race([wait, sink.done.then(() => expect.unreachable('it was stopped'))])

export const epochs = (sink: KafkaSink, least: number) =>
  unlessFailed(
    sink,
    vi.waitFor(() => expect(sink.stats.epochs).toBeGreaterThanOrEqual(least), WITHIN),
  )

export const failureOf = (sink: KafkaSink) =>
  sink.done.then(
    () => undefined,
    (error: Error) => error,
  )
