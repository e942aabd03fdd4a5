import { describe, expect, it, vi } from 'vitest'
import { failureOf, memberKinds, useKafka, WITHIN, written } from './scene.ts'

const { topics, scene } = useKafka('kafka_partitions_spec')

describe.each(Object.entries(memberKinds()))('a partition by %s', (_, source) => {
  it('is committed up to its end, beyond the ends of transactions, and can be opened after retention', async () => {
    const { topic, group_id, start, found, send, transactions } = await scene()
    await transactions(['commit', 'a', 'b'], ['abort', 'c', 'd', 'e'])
    const first = start(source)
    await written(first, 2)
    // The messages a, b, c, d, e and the ends of two transactions.
    const end = 7n
    await vi.waitFor(async () => expect(await topics.committed(group_id, topic)).toEqual([end]), WITHIN)
    await first.stop()
    await topics.deleteBefore(topic, end)
    await send([7])
    const second = start(source)
    await written(second, 1)
    await second.stop()
    expect(await found()).toEqual({ a: 1, b: 1, k0: 7 })
  })

  it('can be opened again after messages with impossible times', async () => {
    const { topic, start, found, send } = await scene()
    await send([1])
    const timestamps = ['0', '-1', '-5000']
    await topics.send(
      topic,
      timestamps.map(timestamp => ({ partition: 0, key: timestamp, value: '2', timestamp })),
    )
    const first = start(source)
    await written(first, 4)
    await first.stop()
    await send([3], 0, () => 'after')
    const second = start(source)
    await written(second, 1)
    await second.stop()
    expect(await found()).toEqual({ k0: 1, '-1': 2, '-5000': 2, '0': 2, after: 3 })
  })

  it('of a topic that does not exist is waited for, and then named by the error', async () => {
    const { topic, start, send } = await scene()
    await send([1])
    const missing = `missing-${topic}`
    const error = await failureOf(start({ ...source, topics: [topic, missing], retry_timeout_ms: 1_000 }))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_KAFKA' })
    expect(error?.message).toContain(missing)
    const late = `late-${topic}`
    const sink = start({ ...source, topics: [topic, late] })
    await topics.create({ topic: late })
    await topics.send(late, [{ key: 'late', value: '5' }])
    await written(sink, 2)
    await sink.stop()
  })
})

describe('added partitions', () => {
  it('are found within a minute, also soon after an assignment', async () => {
    const { topic, start, send } = await scene()
    const sink = start()
    await vi.waitFor(() => expect(sink.stats.partitions).toBe(1), WITHIN)
    await topics.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
    // The sink looks every 30 s, and a look may fail.
    await vi.waitFor(() => expect(sink.stats.partitions).toBe(3), { ...WITHIN, timeout: 100_000 })
    for (const partition of [0, 1, 2]) await send([partition], partition, () => `p${partition}`)
    await written(sink, 3)
    await sink.stop()
  })
})
