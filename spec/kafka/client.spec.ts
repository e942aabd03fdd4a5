import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { platformaticConsumer } from '../../lib/kafka/platformaticClient.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { Meddling, meddled } from './meddling.ts'
import { useKafka, WITHIN } from './scene.ts'

const { scene, topics } = useKafka('kafka_client_spec')
const connect = () =>
  platformaticConsumer({ brokers: inject('brokers'), group_protocol: 'classic', kafka_options: {} })
const others = { brokers: undefined, kafka_options: undefined }
/** Not even an abort settles it, like a request to a broker that hangs. */
const forever = <T>() => new Promise<T>(() => {})

describe('an assignment while Cassandra does not answer', () => {
  it('waits for it as long as rows do, and the other partitions go on', async () => {
    const proxy = await CqlProxy.start(inject('cassandra'))
    onTestFinished(() => proxy.stop())
    const { host, port } = proxy
    const { topic, start, send, found } = await scene(2)
    const { consumer, client } = meddled(connect(), Meddling)
    const limits = { request_timeout_ms: 1_000, retry_timeout_ms: 60_000 }
    const sink = start({ ...others, ...limits, host, port, consumer })
    await vi.waitFor(() => expect(sink.stats.partitions).toBe(2), WITHIN)
    client()?.listener?.assigned([{ topic, partition: 0 }])
    await vi.waitFor(() => expect(sink.stats.partitions).toBe(1), WITHIN)
    proxy.latency_ms = 3_000
    client()?.listener?.assigned([0, 1].map(partition => ({ topic, partition })))
    await delay(4_000)
    proxy.latency_ms = 0
    await vi.waitFor(() => expect(sink.stats.partitions).toBe(2), WITHIN)
    await send([1], 0)
    await send([2], 1, () => 'other')
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(2), WITHIN)
    await sink.stop()
    expect(await found()).toEqual({ k0: 1, other: 2 })
  })
})

describe('a client whose questions are not answered', () => {
  it('does not delay `stop()`, and no other partition is opened', async () => {
    class Silent extends Meddling {
      asked = 0
      override log(): ReturnType<Meddling['log']> {
        this.asked++
        return forever()
      }
    }
    const { start, checkpoint } = await scene(12)
    const { consumer, client } = meddled(connect(), Silent)
    const sink = start({ ...others, consumer })
    await vi.waitFor(() => expect(client()?.asked).toBe(8), WITHIN)
    await sink.stop()
    expect(client()?.asked).toBe(8)
    const [group = ''] = await readdir(checkpoint)
    const [folder = ''] = await readdir(join(checkpoint, group))
    expect(await readdir(join(checkpoint, group, folder))).toHaveLength(8)
  })

  it('does not keep `stop()` from committing the rows so far after a read has failed', async () => {
    class Failing extends Meddling {
      fail: (error: Error) => void = () => {}
      logs = 0
      override log(...given: Parameters<Meddling['log']>): ReturnType<Meddling['log']> {
        return this.logs++ === 0 ? super.log(...given) : forever()
      }
      override read(...given: Parameters<Meddling['read']>): Promise<void> {
        const failed = new Promise<never>((_, reject) => {
          this.fail = reject
        })
        return Promise.race([super.read(...given), failed])
      }
    }
    const { start, send, found } = await scene()
    await send([1, 2])
    const { consumer, client } = meddled(connect(), Failing)
    const sink = start({ ...others, consumer, epoch_interval_ms: 600_000 })
    await vi.waitFor(() => expect(sink.stats.rows_accepted).toBe(2), WITHIN)
    client()?.fail(new Error('the network is down'))
    await vi.waitFor(() => expect(client()?.logs).toBe(2), WITHIN)
    await sink.stop()
    expect(await found()).toEqual({ k0: 1, k1: 2 })
  })
})

it('an error of a client without words ends the sink with an error', async () => {
  class Wordless extends Meddling {
    override read(): Promise<void> {
      return Promise.reject()
    }
  }
  const { start } = await scene()
  const { consumer } = meddled(connect(), Wordless)
  await expect(start({ ...others, consumer }).done).rejects.toMatchObject({ code: 'ERR_CASSANDRA_KAFKA' })
})

it('a partition that is revoked while it is opened commits nothing to the group', async () => {
  class Leaving extends Meddling {
    override async log(...given: Parameters<Meddling['log']>): ReturnType<Meddling['log']> {
      const log = await super.log(...given)
      setImmediate(() => this.listener?.assigned([]))
      return log
    }
  }
  const { start, send } = await scene()
  await send([1])
  const { consumer, client } = meddled(connect(), Leaving)
  const sink = start({ ...others, consumer })
  await vi.waitFor(() => expect(sink.stats.epochs).toBe(1), WITHIN)
  // Commits follow within a second.
  await delay(1_500)
  expect(client()?.committed).toEqual([])
  await sink.stop()
})

it('messages that are kept for `on_bad_row` count as buffered', async () => {
  const { start, topic } = await scene()
  const value = 'x'.repeat(10_000)
  const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)
  for (const part of ['a', 'b', 'c'])
    await topics.send(
      topic,
      keys.map(key => ({ partition: 0, key: part + key, value })),
    )
  const sink = start({
    row: ({ key }) => ({ k: String(key), v: 1 }),
    on_bad_row: () => {},
    max_buffered_bytes: 1_048_576,
    epoch_interval_ms: 600_000,
  })
  // Otherwise the rows would fit into one epoch, which ends after ten minutes.
  await vi.waitFor(() => expect(sink.stats.rows_written).toBeGreaterThan(90), WITHIN)
  await sink.stop()
  expect(sink.stats.rows_written).toBe(sink.stats.rows_accepted)
})

it('a slow `on_bad_row` makes no other partition wait, although its own epoch is the largest', async () => {
  const { start, topic } = await scene(2)
  const value = 'x'.repeat(10_000)
  const messages = (partition: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ partition, key: `${partition}/${from + i}`, value }))
  let release = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  let isHandling = false
  const sink = start({
    row: ({ key, headers }) => ({ k: String(key), v: headers.length > 0 ? 'no number' : 1 }),
    on_bad_row: () => {
      isHandling = true
      return released
    },
    max_buffered_bytes: 1_048_576,
    epoch_interval_ms: 600_000,
  })
  // Otherwise a failure of this spec would wait for the sink.
  onTestFinished(() => release())
  await topics.send(topic, messages(0, 0, 30))
  await topics.send(topic, [{ partition: 0, key: 'bad', value, headers: { is: 'bad' } }])
  await vi.waitFor(() => expect(isHandling).toBe(true), WITHIN)
  for (let from = 0; from < 120; from += 30) await topics.send(topic, messages(1, from, from + 30))
  // Nothing of the first partition is written before the handler returns.
  await vi.waitFor(() => expect(sink.stats.rows_written).toBeGreaterThan(60), WITHIN)
  release()
  await sink.stop()
  expect(sink.stats.rows_set_aside).toBe(1)
})
