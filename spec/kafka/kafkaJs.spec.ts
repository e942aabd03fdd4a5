import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { kafkaJsConsumer } from '../../lib/kafka/index.ts'
import { Network } from './network.ts'
import { useKafka, WITHIN } from './scene.ts'

const kafka = useKafka('kafka_js_spec')

/** A topic with one message, and a network between KafkaJS and the broker. KafkaJS retries once, for 100 ms. */
async function scene(retry_timeout_ms: number) {
  const [{ start, send, topic, found }, network] = await Promise.all([kafka.scene(), Network.create()])
  await send([1], 0, () => 'first')
  const client = new Kafka({
    brokers: inject('brokers'),
    logLevel: logLevel.NOTHING,
    socketFactory: network.socketFactory as never,
    retry: { retries: 1, initialRetryTime: 100 },
  })
  const consumer_options = { sessionTimeout: 6_000, heartbeatInterval: 200, rebalanceTimeout: 10_000 }
  const source = {
    brokers: undefined,
    kafka_options: undefined,
    consumer: kafkaJsConsumer(client, { consumer_options }),
  }
  return {
    network,
    topic,
    found,
    start: () => start({ ...source, retry_timeout_ms }),
    send: (key: string) => send([1], 0, () => key),
  }
}

/** KafkaJS may finish the retries that it has begun. */
async function expectQuiet(network: Network): Promise<void> {
  const until = performance.now() + 10_000
  for (let attempts = -1; attempts !== network.attempts; await delay(1_500)) {
    attempts = network.attempts
    expect(performance.now(), `${attempts} attempts to connect`).toBeLessThan(until)
  }
  await vi.waitFor(() => expect(network.open).toBe(0), WITHIN)
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
    const { network, start } = await scene(5_000)
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
    const { network, start, send, found } = await scene(30_000)
    const sink = start()
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
    network.down()
    const { attempts } = network
    await vi.waitFor(() => expect(network.attempts).toBeGreaterThan(attempts + 4), WITHIN)
    await send('second')
    network.up()
    // The first row comes again if the network was cut before its commit.
    await vi.waitFor(async () => expect(await found()).toEqual({ first: 1, second: 1 }), WITHIN)
    await sink.stop()
    await expectQuiet(network)
  })

  it('fails if its topic is created again with fewer messages, and skips none of them', async () => {
    const { topic, start, send } = await scene(30_000)
    for (const key of ['b', 'c', 'd', 'e']) await send(key)
    const sink = start()
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(5), WITHIN)
    const { admin } = kafka.topics
    await admin.deleteTopics({ topics: [topic] })
    await vi.waitFor(() => admin.createTopics({ topics: [{ topic }], waitForLeaders: true }), WITHIN)
    await vi.waitFor(() => send('new'), WITHIN)
    await expect(sink.done).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_KAFKA_LOG_CHANGED',
      topic,
      partition: 0,
      offset: '5',
    })
  })

  it('fails if retention deletes its next messages and leaves only the end of a transaction', async () => {
    const { topic, send, transactions } = await kafka.scene()
    const library = new Kafka({ brokers: inject('brokers'), logLevel: logLevel.NOTHING })
    const consumers = vi.spyOn(library, 'consumer')
    const connect = kafkaJsConsumer(library)
    const limits = { max_fetched_bytes: 1_000_000, retry_timeout_ms: 30_000 }
    const client = connect({ group_id: topic, topics: [topic], ...limits })
    onTestFinished(() => client.close())
    const assigned = vi.fn()
    await client.join({ assigned, failed: error => expect.unreachable(error.message) })
    await vi.waitFor(() => expect(assigned).toHaveBeenCalledWith([{ topic, partition: 0 }]), WITHIN)
    const taken: (bigint | undefined)[] = []
    let go = () => {}
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    const read = client.read(
      { topic, partition: 0, offset: 0n },
      (_, next) => {
        taken.push(next)
        return gate
      },
      new AbortController().signal,
    )
    await send([1])
    await vi.waitFor(() => expect(taken).toEqual([1n]), WITHIN)
    // The second batch waits, so the client pauses the partition.
    await send([2])
    const paused = () => consumers.mock.results[0]?.value.paused()
    await vi.waitFor(() => expect(paused()).toEqual([{ topic, partitions: [0] }]), WITHIN)
    await send([3])
    await transactions(['abort', 'a'])
    await kafka.topics.deleteBefore(topic, 4n)
    go()
    await expect(read).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_KAFKA',
      message: expect.stringMatching(/^Offset 2 of .*, which begins at 4 and ends before 5$/),
    })
    expect(taken).toEqual([1n, 2n])
  })

  it.each(['connects', 'cannot connect', 'has crashed', 'connects after a crash'])(
    'leaves no connection when it is stopped while it %s',
    async moment => {
      const { network, start } = await scene(30_000)
      if (moment === 'connects') network.slow(500)
      if (moment === 'cannot connect') network.down()
      const sink = start()
      if (moment.includes('crash')) {
        await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
        network.down()
        await vi.waitFor(() => expect(sink.stats.partitions).toBe(0), WITHIN)
      }
      if (moment === 'connects after a crash') {
        network.slow(500)
        network.up()
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
