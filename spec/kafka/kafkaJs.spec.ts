import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { kafkaJsConsumer, runKafkaSink } from '../../lib/kafka/index.ts'
import { useKeyspace } from '../integration/keyspace.ts'
import { Network } from './network.ts'
import { Topics } from './topics.ts'

const ks = useKeyspace('kafka_js_spec')
const brokers = inject('brokers')
const topics = new Topics(brokers)
let folder: string
beforeAll(async () => {
  await topics.open()
  folder = await mkdtemp(join(tmpdir(), 'kafka-js-'))
})
afterAll(async () => {
  await topics.close()
  await rm(folder, { recursive: true, force: true })
})

const WITHIN = { timeout: 30_000, interval: 50 }

/** A topic with one message, a table, and a network between KafkaJS and the broker. KafkaJS retries once, for 100 ms. */
async function scene(retry_timeout_ms: number) {
  const [topic, table, checkpoint, network] = await Promise.all([
    topics.make('kafkajs', 1),
    ks.table('k text PRIMARY KEY, v int'),
    mkdtemp(join(folder, 'group-')),
    Network.create(),
  ])
  const send = (key: string) => topics.send(topic, [{ partition: 0, key, value: '1' }])
  await send('first')
  const kafka = new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    socketFactory: network.socketFactory as never,
    retry: { retries: 1, initialRetryTime: 100 },
  })
  const start = () => {
    const sink = runKafkaSink({
      consumer: kafkaJsConsumer(kafka, {
        consumer_options: { sessionTimeout: 6_000, heartbeatInterval: 200, rebalanceTimeout: 10_000 },
      }),
      group_id: `group of ${topic}`,
      topics: topic,
      checkpoint,
      row: ({ key, value }) => ({ k: String(key), v: Number(value) }),
      ...ks.target,
      table,
      epoch_interval_ms: 50,
      retry_timeout_ms,
    })
    sink.done.catch(() => {})
    onTestFinished(() => sink.stop().catch(() => {}))
    return sink
  }
  return { network, start, send }
}

/** KafkaJS may finish the retries that it has begun. */
async function expectQuiet(network: Network): Promise<void> {
  const until = performance.now() + 10_000
  for (let attempts = -1; attempts !== network.attempts; await delay(1_500)) {
    attempts = network.attempts
    expect(performance.now(), `${attempts} attempts to connect`).toBeLessThan(until)
  }
  expect(network.open).toBe(0)
}

describe('a member with kafkajs', () => {
  it('waits for its broker longer than kafkajs itself', async () => {
    const { network, start } = await scene(30_000)
    network.down()
    const sink = start()
    await vi.waitFor(() => expect(network.attempts).toBeGreaterThan(8), WITHIN)
    network.up()
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
    await sink.stop()
    await expectQuiet(network)
  })

  it('fails when its broker is down for `retry_timeout_ms`, from the start or later', async () => {
    const { network, start } = await scene(1_000)
    network.down()
    const early = start()
    await expect(early.done).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_KAFKA',
      message: expect.stringContaining('cannot be joined'),
    })
    network.up()
    const late = start()
    await vi.waitFor(() => expect(late.stats.rows_written).toBe(1), WITHIN)
    network.down()
    await expect(late.done).rejects.toMatchObject({ code: 'ERR_CASSANDRA_KAFKA' })
    await expectQuiet(network)
  })

  it('continues when its broker returns', async () => {
    const { network, start, send } = await scene(30_000)
    const sink = start()
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
    network.down()
    const { attempts } = network
    await vi.waitFor(() => expect(network.attempts).toBeGreaterThan(attempts + 4), WITHIN)
    await send('second')
    network.up()
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(2), WITHIN)
    await sink.stop()
    await expectQuiet(network)
  })

  it.each(['connects', 'cannot connect', 'has crashed'])(
    'leaves no connection when it is stopped while it %s',
    async moment => {
      const { network, start } = await scene(30_000)
      if (moment === 'connects') network.slow(500)
      if (moment === 'cannot connect') network.down()
      const sink = start()
      if (moment === 'has crashed') {
        await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
        network.down()
        await vi.waitFor(() => expect(sink.stats.partitions).toBe(0), WITHIN)
      }
      const { attempts } = network
      await vi.waitFor(() => expect(network.attempts).toBeGreaterThan(attempts), WITHIN)
      const from = performance.now()
      await sink.stop()
      expect(performance.now() - from).toBeLessThan(15_000)
      await expectQuiet(network)
    },
  )
})
