import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { describe, expect, it, vi } from 'vitest'
import { createMicroBatchSink } from '../../lib/index.ts'
import type { KafkaMessage } from '../../lib/kafka/index.ts'
import { closedPort } from '../closedPort.ts'
import { epochs, failureOf, memberKinds, useKafka, WITHIN, written } from './scene.ts'

const { ks, topics, scene } = useKafka('kafka_spec')

describe.each(Object.entries(memberKinds()))('a Kafka sink by %s', (_, source) => {
  it('writes the rows of all partitions, and commits offsets to the group', async () => {
    const { topic, group_id, start, send, found } = await scene(3)
    const key = (partition: number) => (i: number) => `${partition}/${i}`
    for (const partition of [0, 1, 2]) await send([1, 2, 3], partition, key(partition))
    const sink = start(source)
    await written(sink, 9)
    await send([4], 1, () => 'later')
    await written(sink, 10)
    expect(sink.stats.partitions).toBe(3)
    await sink.stop()
    await sink.done
    expect(Object.keys(await found())).toHaveLength(10)
    expect(await found()).toMatchObject({ '0/0': 1, '2/2': 3, later: 4 })
    expect(await topics.committed(group_id, topic)).toEqual([3n, 4n, 3n])
  })

  it('continues from its checkpoint, whatever the group has committed', async () => {
    const { topic, group_id, start, send, found } = await scene()
    await send([1, 2, 3])
    const first = start(source)
    await written(first, 3)
    await first.stop()
    await send([4, 5], 0, i => `second ${i}`)
    const committed = (offset: string) =>
      topics.admin.setOffsets({ groupId: group_id, topic, partitions: [{ partition: 0, offset }] })
    await vi.waitFor(() => committed('5'), WITHIN)
    const second = start(source)
    await written(second, 2)
    await second.stop()
    await vi.waitFor(() => committed('0'), WITHIN)
    await send([6], 0, () => 'third')
    const third = start(source)
    await written(third, 1)
    await epochs(third, 1)
    await third.stop()
    expect(third.stats.rows_accepted).toBe(1)
    expect(await found()).toEqual({ k0: 1, k1: 2, k2: 3, 'second 0': 4, 'second 1': 5, third: 6 })
  })

  it('shares partitions with another member, which takes all of them over when the first one leaves', async () => {
    const { start, send, found } = await scene(4)
    const first = start(source)
    await vi.waitFor(() => expect(first.stats.partitions).toBe(4), WITHIN)
    const second = start(source)
    await vi.waitFor(
      () => expect([first, second].map(({ stats }) => stats.partitions)).toEqual([2, 2]),
      WITHIN,
    )
    for (const partition of [0, 1, 2, 3]) await send([partition], partition, () => `p${partition}`)
    await vi.waitFor(() => expect(first.stats.rows_written + second.stats.rows_written).toBe(4), WITHIN)
    await first.stop()
    await vi.waitFor(() => expect(second.stats.partitions).toBe(4), WITHIN)
    for (const partition of [0, 1, 2, 3]) await send([10 + partition], partition, () => `p${partition}`)
    await vi.waitFor(async () => expect(await found()).toEqual({ p0: 10, p1: 11, p2: 12, p3: 13 }), WITHIN)
    await second.stop()
  })
})

describe('a message', () => {
  it('without a value deletes its row with tombstones: delete', async () => {
    const { start, send, found } = await scene()
    await send([1, 2, 3])
    await send([null], 0, () => 'k1')
    const sink = start({ tombstones: 'delete' })
    await written(sink, 4)
    await sink.stop()
    expect(await found()).toEqual({ k0: 1, k2: 3 })
    expect(sink.stats).toMatchObject({ rows_written: 3, rows_deleted: 1 })
  })

  it('without a value is stored as a row by default', async () => {
    const { start, send, found } = await scene()
    await send([1, null])
    const sink = start()
    await written(sink, 2)
    await sink.stop()
    expect(await found()).toEqual({ k0: 1, k1: null })
  })

  it('may have several rows, or none', async () => {
    const { start, send, found, topic, group_id } = await scene()
    await send([3, 0, 2])
    const row = ({ key, value }: KafkaMessage) =>
      Array.from({ length: Number(value) }, (_, i) => ({ k: `${key}/${i}`, v: i }))
    const sink = start({ row, rows_per_epoch: 2 })
    await written(sink, 5)
    await sink.stop()
    expect(await found()).toEqual({ 'k0/0': 0, 'k0/1': 1, 'k0/2': 2, 'k2/0': 0, 'k2/1': 1 })
    expect(await topics.committed(group_id, topic)).toEqual([3n])
  })

  it.each(['insert', 'delete'])('keeps its order within a millisecond, with %s last', async last => {
    const { start, topic, found } = await scene()
    const timestamp = String(Date.now())
    const ops = last === 'insert' ? ['insert', 'delete', 'insert'] : ['delete', 'insert', 'delete']
    await topics.send(
      topic,
      ops.map((op, i) => ({ partition: 0, key: 'a', value: JSON.stringify({ op, v: 9 - i }), timestamp })),
    )
    const row = ({ key, value, write_time }: KafkaMessage) => ({
      k: String(key),
      write_time,
      ...(JSON.parse(String(value)) as object),
    })
    const sink = start({ row, timestamp_column: 'write_time' as never, operation_column: 'op' as never })
    await written(sink, 3)
    await sink.stop()
    expect(await found()).toEqual(last === 'insert' ? { a: 7 } : {})
  })

  it('with an earlier time than a previous message loses against that one', async () => {
    const { start, topic, found } = await scene()
    const now = Date.now()
    const times = [now, now - 60_000]
    await topics.send(
      topic,
      times.map((time, i) => ({ partition: 0, key: 'a', value: String(i), timestamp: String(time) })),
    )
    const row = ({ key, value, write_time }: KafkaMessage) => ({
      k: String(key),
      v: Number(value),
      write_time,
    })
    const sink = start({ row, timestamp_column: 'write_time' as never })
    await written(sink, 2)
    await sink.stop()
    expect(await found()).toEqual({ a: 0 })
  })
})

describe('messages of transactions', () => {
  it('are written when their transaction is committed; aborted ones leave gaps', async () => {
    const { start, topic, send, found, group_id, transactions } = await scene()
    await transactions(['commit', 'a', 'b'], ['abort', 'c'], ['abort', 'd', 'e'])
    await send([1], 0, () => 'f')
    await transactions(['commit', 'g'])
    const sink = start()
    await written(sink, 4)
    await send([1], 0, () => 'h')
    await written(sink, 5)
    await sink.stop()
    expect(Object.keys(await found()).sort()).toEqual(['a', 'b', 'f', 'g', 'h'])
    expect(await topics.committed(group_id, topic)).toEqual(await topics.ends(topic))
  })
})

it.each(Object.entries(memberKinds()))(
  'transactions that overlap and are aborted leave nothing, by %s',
  async (_, source) => {
    const { start, send, found, overlapping } = await scene()
    await overlapping()
    await send([1], 0, () => 'z')
    const sink = start(source)
    await written(sink, 1)
    await sink.stop()
    expect(Object.keys(await found())).toEqual(['z'])
  },
)

it('a transaction that was aborted before its first message ends nothing', async () => {
  const { start, topic, found, transactions } = await scene()
  await topics.abortEmptyTransaction(topic)
  // The log has the end of the transaction, and nothing else. The coordinator answers before it is there.
  await vi.waitFor(async () => expect(await topics.ends(topic)).toEqual([1n]), WITHIN)
  await transactions(['abort', 'a'], ['commit', 'b'])
  const sink = start()
  await written(sink, 1)
  await sink.stop()
  expect(Object.keys(await found())).toEqual(['b'])
})

describe('a message that is no row', () => {
  it('is set aside with its offset, and all others are written', async () => {
    const { start, topic, found } = await scene(1, 'k text PRIMARY KEY, v int, t text')
    const values = ['{"v":1}', 'no JSON', '{"v":"one"}', '{"v":4}']
    await topics.send(
      topic,
      values.map((value, i) => ({ partition: 0, key: `k${i}`, value })),
    )
    const aside: unknown[] = []
    const sink = start({
      row: ({ key, value }) => ({ k: String(key), ...(JSON.parse(String(value)) as object) }),
      tombstones: 'delete',
      on_bad_row: ({ code }, { topic, partition, offset }, row) =>
        void aside.push({ code, topic, partition, offset, row }),
    })
    await written(sink, 4)
    await sink.stop()
    expect(await found()).toEqual({ k0: 1, k3: 4 })
    const place = { topic, partition: 0 }
    expect(aside).toEqual([
      { code: 'ERR_CASSANDRA_KAFKA_MESSAGE', ...place, offset: 1n, row: undefined },
      { code: 'ERR_CASSANDRA_VALUE', ...place, offset: 2n, row: { k: 'k2', v: 'one' } },
    ])
  })

  it('ends the sink with its offset, and comes again in the next run', async () => {
    const { start, topic, send, found } = await scene()
    await send([1])
    await topics.send(topic, [{ partition: 0, key: 'bad', value: 'none' }])
    const row = ({ key, value }: KafkaMessage) => ({
      k: String(key),
      v: JSON.parse(String(value)) as unknown,
    })
    expect(await failureOf(start({ row }))).toMatchObject({
      code: 'ERR_CASSANDRA_KAFKA_MESSAGE',
      message: expect.stringContaining(`offset 1 of ${topic}/0`),
    })
    expect(await failureOf(start({ row: () => ({ k: 'a', v: 'many' }) }))).toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      message: expect.stringMatching(new RegExp(`^Message at offset [01] of ${topic}/0: Row`)),
    })
    const sink = start({ row: ({ key }) => ({ k: String(key), v: 5 }) })
    await vi.waitFor(async () => expect(await found()).toMatchObject({ bad: 5 }), WITHIN)
    await sink.stop()
  })
})

describe('a log', () => {
  it('may lose messages that are already written, also messages without rows', async () => {
    const { start, topic, send, found } = await scene()
    const row = ({ key, value }: KafkaMessage) => (Number(value) < 0 ? null : { k: String(key), v: 1 })
    await send([-1, -1, -1, -1])
    const first = start({ row })
    await epochs(first, 2)
    await first.stop()
    await topics.deleteBefore(topic, 4n)
    await send([7])
    const second = start({ row })
    await written(second, 1)
    await second.stop()
    expect(await found()).toEqual({ k0: 1 })
  })

  it('that has lost messages before they were written ends the sink', async () => {
    const { start, topic, send } = await scene()
    await send([1, 2])
    const first = start()
    await written(first, 2)
    await first.stop()
    await send([3, 4, 5])
    await topics.deleteBefore(topic, 4n)
    expect(await failureOf(start())).toMatchObject({
      name: 'KafkaError',
      code: 'ERR_CASSANDRA_KAFKA_EXPIRED',
      topic,
      partition: 0,
      offset: '2',
    })
  })

  it('of a topic that was created again ends the sink', async () => {
    const { start, topic, send } = await scene()
    await send([1, 2])
    const first = start()
    await written(first, 2)
    await first.stop()
    await topics.admin.deleteTopics({ topics: [topic] })
    await vi.waitFor(() => topics.admin.createTopics({ topics: [{ topic }], waitForLeaders: true }), WITHIN)
    const error = await failureOf(start())
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KAFKA_LOG_CHANGED', topic, partition: 0, offset: '2' })
    expect(error?.message).toContain('deleted and created again')
  })

  it('of a topic that was created again does so too if members without its id wrote before and in between', async () => {
    const { start, topic, send } = await scene()
    const { kafkajs } = memberKinds()
    const kinds = [kafkajs, {}, kafkajs]
    for (const [i, kind] of kinds.entries()) {
      await send([i])
      const sink = start(kind)
      await written(sink, 1)
      await sink.stop()
    }
    await topics.admin.deleteTopics({ topics: [topic] })
    await vi.waitFor(() => topics.admin.createTopics({ topics: [{ topic }], waitForLeaders: true }), WITHIN)
    // Its offsets do not show that it is another log.
    await vi.waitFor(() => send([1, 2, 3, 4]), WITHIN)
    const error = await failureOf(start())
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KAFKA_LOG_CHANGED', topic, partition: 0, offset: '3' })
    expect(error?.message).toContain('deleted and created again')
  })

  it('without a checkpoint begins where `start` says, also after a crash before the first row', async () => {
    const { start, send, found } = await scene()
    await send([1, 2, 3])
    const first = start({ start: 'latest' })
    await epochs(first, 1)
    await first.stop()
    await send([4], 0, () => 'later')
    const second = start({ start: 'latest' })
    await written(second, 1)
    await second.stop()
    expect(await found()).toEqual({ later: 4 })
  })

  it('begins at the offset that a function returns', async () => {
    const { start, send, found } = await scene()
    await send([1, 2, 3])
    const sink = start({ start: async ({ partition }) => partition + 2 })
    await written(sink, 1)
    await sink.stop()
    expect(await found()).toEqual({ k2: 3 })
    expect(await failureOf(start({ group_id: 'another', start: () => 1.5 }))).toMatchObject({
      code: 'ERR_CASSANDRA_POSITION',
    })
  })
})

describe('a checkpoint', () => {
  it('of another source is refused', async () => {
    const { start, send, checkpoint, group_id, topic, table } = await scene()
    const checkpoint_location = join(
      checkpoint,
      encodeURIComponent(group_id).replaceAll('.', '%2E'),
      topic,
      '0',
    )
    await mkdir(checkpoint_location, { recursive: true })
    const other = createMicroBatchSink({ ...ks.target, table, checkpoint_location })
    await other.writeEpoch(0, [{ k: 'a', v: 1 }])
    other.end()
    await finished(other)
    await send([1])
    const error = await failureOf(start())
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_TARGET' })
    expect(error?.message).toContain(`has no offset of ${topic}/0`)
  })

  it('in a table is a row per partition, from which another member continues', async () => {
    const { start, send, found, topic, group_id } = await scene(2)
    const checkpoint = { keyspace: ks.name, table: 'kafka_checkpoints' }
    for (const partition of [0, 1]) await send([1, 2], partition, i => `${partition}/${i}`)
    const first = start({ checkpoint })
    await written(first, 4)
    await first.stop()
    await send([3], 1, () => '1/2')
    const second = start({ checkpoint })
    await written(second, 1)
    await epochs(second, 1)
    // From here on an opening takes its checkpoint, also when it is stopped.
    await vi.waitFor(() => expect(second.stats.partitions).toBe(2), WITHIN)
    await second.stop()
    expect(second.stats.rows_accepted).toBe(1)
    expect(await found()).toEqual({ '0/0': 1, '0/1': 2, '1/0': 1, '1/1': 2, '1/2': 3 })
    const group = encodeURIComponent(group_id).replaceAll('.', '%2E')
    const rows = await ks.select(`SELECT name, term FROM ${ks.name}.kafka_checkpoints`)
    const terms = Object.fromEntries(rows.map(({ name, term }) => [name, term]))
    expect(terms).toEqual({ [`${group}/${topic}/0`]: 2, [`${group}/${topic}/1`]: 2 })
  })

  it('in a table may be taken by another process: this member then fails at its next epoch, and takes it back', async () => {
    const { start, send, found, topic, group_id, table } = await scene()
    const checkpoint = { keyspace: ks.name, table: 'kafka_checkpoints' }
    const sink = start({ checkpoint })
    await send([1])
    await written(sink, 1)
    const name = `${encodeURIComponent(group_id).replaceAll('.', '%2E')}/${topic}/0`
    const thief = createMicroBatchSink({ ...ks.target, table, checkpoint_location: { ...checkpoint, name } })
    await thief.open()
    await send([2], 0, () => 'after')
    await vi.waitFor(() => expect(sink.stats.fenced).toBe(1), WITHIN)
    await vi.waitFor(async () => expect(await found()).toEqual({ k0: 1, after: 2 }), WITHIN)
    await sink.stop()
    await expect(thief.writeEpoch(99, [])).rejects.toThrow()
    thief.destroy()
  })

  it('needs its folder', async () => {
    const { start, send, checkpoint } = await scene()
    await send([1])
    expect(await failureOf(start({ checkpoint: join(checkpoint, 'no such folder') }))).toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_IO',
      message: expect.stringContaining('does not exist: create it'),
    })
  })
})

describe('a broker', () => {
  it('that does not answer ends the sink after a while', async () => {
    const { start } = await scene()
    const port = await closedPort()
    const error = await failureOf(start({ brokers: `127.0.0.1:${port}`, retry_timeout_ms: 500 }))
    expect(error).toMatchObject({ name: 'KafkaError', code: 'ERR_CASSANDRA_KAFKA' })
    expect(error?.message).toContain('cannot be joined')
  })

  it('is given up at once when the signal aborts', async () => {
    const { start, send } = await scene()
    await send([1])
    const leaving = new AbortController()
    const sink = start({ signal: leaving.signal })
    await written(sink, 1)
    leaving.abort(new Error('enough'))
    await expect(sink.done).rejects.toThrow('enough')
  })
})
