import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { runKafkaSink } from '../../lib/kafka/index.ts'
import { platformaticConsumer } from '../../lib/kafka/platformaticClient.ts'
import type { KafkaRecord } from '../../lib/options/kafkaClient.ts'
import { useKeyspace } from '../integration/keyspace.ts'
import { Meddling, meddled } from './meddling.ts'
import { Topics } from './topics.ts'

const ks = useKeyspace('kafka_revoked_spec')
const brokers = inject('brokers')
const topics = new Topics(brokers)
let checkpoint: string
beforeAll(async () => {
  await topics.open()
  checkpoint = await mkdtemp(join(tmpdir(), 'kafka-checkpoints-'))
})
afterAll(async () => {
  await topics.close()
  await rm(checkpoint, { recursive: true, force: true })
})

const WITHIN = { timeout: 60_000, interval: 50 }

async function scene(partitions: number) {
  const topic = await topics.make('revoked', partitions)
  const table = await ks.table('k text PRIMARY KEY, v int')
  const connect = platformaticConsumer({ brokers, group_protocol: 'classic', kafka_options: {} })
  const { consumer, client } = meddled(connect, Meddling)
  const sink = runKafkaSink({
    consumer,
    group_id: topic,
    topics: topic,
    checkpoint,
    row: ({ key, value }) => ({ k: String(key), v: Number(value) }),
    ...ks.target,
    table,
    epoch_interval_ms: 50,
  })
  sink.done.catch(() => {})
  onTestFinished(() => sink.stop().catch(() => {}))
  await vi.waitFor(() => expect(client()?.takers.size).toBe(partitions), WITHIN)
  const found = async () =>
    (await ks.select(`SELECT k FROM ${ks.name}.${table}`)).map(({ k }) => String(k)).sort()
  const record = (partition: number, offset: bigint, key: string): KafkaRecord => ({
    topic,
    partition,
    offset,
    key: Buffer.from(key),
    value: Buffer.from('1'),
    headers: [],
    timestamp: Date.now(),
  })
  const file = (partition: number) => join(checkpoint, topic, topic, String(partition), 'checkpoint')
  return { topic, table, sink, client: client() as Meddling, found, record, file }
}

describe('a partition that was revoked', () => {
  it('is no longer written, although the client still delivers messages', async () => {
    const { topic, sink, client, found, record, file } = await scene(2)
    await topics.send(topic, [
      { partition: 0, key: 'a', value: '1' },
      { partition: 1, key: 'b', value: '1' },
    ])
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(2), WITHIN)
    // Epoch 0 of a partition records where it begins.
    const committed = (epoch: number) => `{"commit":{"epoch_id":${epoch}}}`
    await vi.waitFor(async () => expect(await readFile(file(1), 'utf8')).toContain(committed(1)), WITHIN)
    const [before, take] = [await readFile(file(1), 'utf8'), client.takers.get(1)]
    client.listener?.assigned([{ topic, partition: 0 }])
    await take?.([record(1, 1n, 'late')])
    await topics.send(topic, [{ partition: 0, key: 'c', value: '1' }])
    await vi.waitFor(async () => expect(await readFile(file(0), 'utf8')).toContain(committed(2)), WITHIN)
    // This message came later, and is committed.
    expect(await found()).toEqual(['a', 'b', 'c'])
    expect(await readFile(file(1), 'utf8')).toBe(before)
    expect(sink.stats.partitions).toBe(1)
  })

  it('continues after its last commit when it is assigned again', async () => {
    const { topic, sink, client, found } = await scene(1)
    await topics.send(topic, [{ partition: 0, key: 'a', value: '1' }])
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
    client.listener?.assigned([])
    await topics.send(topic, [{ partition: 0, key: 'b', value: '1' }])
    client.listener?.assigned([{ topic, partition: 0 }])
    await vi.waitFor(async () => expect(await found()).toEqual(['a', 'b']), WITHIN)
  })

  it('does not get its offsets from another partition', async () => {
    const { topic, sink, client } = await scene(2)
    await topics.send(topic, [
      { partition: 0, key: 'a', value: '1' },
      { partition: 0, key: 'b', value: '1' },
      { partition: 1, key: 'c', value: '1' },
    ])
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(3), WITHIN)
    await sink.stop()
    const last = new Map(client.committed.map(({ partition, offset }) => [partition, offset]))
    expect(Object.fromEntries(last)).toEqual({ 0: 2n, 1: 1n })
  })
})

describe('a partition that another process took over', () => {
  it('is taken back if the group still assigns it to this member', async () => {
    const { topic, sink, found, file } = await scene(1)
    await topics.send(topic, [{ partition: 0, key: 'a', value: '1' }])
    await vi.waitFor(() => expect(sink.stats.rows_written).toBe(1), WITHIN)
    // Like a suspended process that wakes up with its old partitions.
    const folder = dirname(file(0))
    for (const name of await readdir(folder)) if (name.includes('.lock.')) await rm(join(folder, name))
    await topics.send(topic, [{ partition: 0, key: 'b', value: '1' }])
    await vi.waitFor(async () => expect(await found()).toEqual(['a', 'b']), WITHIN)
    await vi.waitFor(() => expect(sink.stats.fenced).toBe(1), WITHIN)
  })
})
