import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Consumer } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { KafkaSink } from '../../lib/kafka/index.ts'
import { memberKinds, useKafka, WITHIN } from './scene.ts'
import { Topics } from './topics.ts'
import { startTwoBrokers, type TwoBrokers } from './twoBrokers.ts'

const { scene } = useKafka('kafka_brokers_spec')

describe('a cluster of two brokers', () => {
  let cluster: TwoBrokers
  let topics: Topics
  /** A topic whose second partition is only on the second broker. */
  const apart = `apart-${randomBytes(4).toString('hex')}`
  beforeAll(async () => {
    cluster = await startTwoBrokers()
    topics = new Topics(cluster.brokers)
    await topics.open()
    const replicaAssignment = [1, 2].map((broker, partition) => ({ partition, replicas: [broker] }))
    await topics.create({ topic: apart, replicaAssignment })
    // A producer of KafkaJS fails while any of its topics has no leader.
    const once = new Topics(cluster.brokers)
    await once.open()
    await once.send(apart, [{ key: 'a', value: '1', partition: 0 }])
    await once.close()
  })
  afterAll(async () => {
    await topics?.close()
    await cluster?.[Symbol.asyncDispose]()
  })

  const writtenAtLeast = (sink: KafkaSink, rows: number) =>
    vi.waitFor(() => expect(sink.stats.rows_written).toBeGreaterThanOrEqual(rows), WITHIN)

  /** A new group that this broker coordinates. */
  async function groupOf(broker: 1 | 2): Promise<string> {
    for (;;) {
      const groupId = `group-${randomBytes(4).toString('hex')}`
      const consumer = new Consumer({ clientId: 'spec', groupId, bootstrapBrokers: [...cluster.brokers] })
      // The topic for offsets is created now.
      const coordinator = await vi.waitFor(() => consumer.findGroupCoordinator(), WITHIN)
      await consumer.close(true)
      if (coordinator === broker) return groupId
    }
  }

  it.each(['classic', 'consumer'] as const)(
    'is read on while its first broker hangs, which coordinates its groups, in the protocol %s',
    async group_protocol => {
      const { start } = await scene()
      const topic = `hangs-${randomBytes(4).toString('hex')}`
      const replicaAssignment = [0, 1].map(partition => ({ partition, replicas: [1] }))
      // A broker that has just returned may not know the topic yet.
      await topics.admin.createTopics({ topics: [{ topic, replicaAssignment }], waitForLeaders: false })
      const [living = '', hanging = ''] = cluster.brokers
      const groups = [await groupOf(2), await groupOf(2), await groupOf(2)] as const
      const startMember = (group_id: string, brokers: readonly string[]) =>
        start({
          brokers,
          topics: topic,
          group_protocol,
          kafka_options: {
            // Requests to a broker that hangs are not repeated, or else this would take minutes.
            retries: 20,
            // In the classic protocol, a member that cannot leave is waited for, and a join may take the time of a request.
            ...(group_protocol === 'classic' && { sessionTimeout: 10_000, requestTimeout: 15_000 }),
          },
          retry_timeout_ms: 40_000,
          group_id,
        })
      const onFirst = new Topics(cluster.brokers.slice(0, 1))
      await onFirst.open()
      const sink = startMember(groups[0], [hanging, living])
      await vi.waitFor(() => onFirst.send(topic, [{ key: 'a', value: '1', partition: 0 }]), WITHIN)
      await writtenAtLeast(sink, 1)
      // After a rebalance, Kafka knows the member in another generation than that of its join.
      const other = startMember(groups[0], [living, hanging])
      await vi.waitFor(
        () => expect([sink, other].map(({ stats }) => stats.partitions)).toEqual([1, 1]),
        WITHIN,
      )
      await other.stop()
      await vi.waitFor(() => expect(sink.stats.partitions).toBe(2), WITHIN)
      cluster.suspendSecond()
      try {
        const later = startMember(groups[1], [hanging, living])
        // The living broker still names the other one as coordinator.
        const latest = startMember(groups[2], [living, hanging])
        // The library asks for metadata again after 5 s.
        await delay(6_000)
        await onFirst.send(topic, [{ key: 'b', value: '2', partition: 0 }])
        await writtenAtLeast(sink, 2)
        await writtenAtLeast(later, 2)
        await writtenAtLeast(latest, 2)
        // By now, both groups have another coordinator.
        await delay(10_000)
        await onFirst.send(topic, [{ key: 'c', value: '3', partition: 0 }])
        await writtenAtLeast(sink, 3)
        await writtenAtLeast(later, 3)
        await writtenAtLeast(latest, 3)
        await Promise.all([sink.stop(), later.stop(), latest.stop()])
      } finally {
        cluster.resumeSecond()
        await onFirst.close()
      }
    },
  )

  it('is read on when the coordinator of the group leaves it, by each kind of member', async () => {
    const { kafkajs: _, ...kinds } = memberKinds()
    const sinks = []
    for (const [name, kind] of Object.entries(kinds)) {
      const { start } = await scene()
      const topic = await topics.make('brokers')
      const sink = start({
        ...kind,
        brokers: cluster.brokers,
        topics: topic,
        group_id: await groupOf(2),
      })
      await topics.send(topic, [{ key: 'a', value: '1', partition: 0 }])
      await writtenAtLeast(sink, 1)
      sinks.push({ name, sink, topic })
    }
    await cluster.shutSecondDown()
    const sendTo = (topic: string) =>
      vi.waitFor(() => topics.send(topic, [{ key: 'b', value: '2', partition: 0 }]), WITHIN)
    await Promise.all(sinks.map(({ topic }) => sendTo(topic)))
    await Promise.all(sinks.map(({ sink }) => writtenAtLeast(sink, 2)))
    // The new coordinator has the last offset.
    for (const { sink, topic } of sinks) {
      await vi.waitFor(() => expect(sink.stats.partitions).toBe(1), WITHIN)
      await sendTo(topic)
      await writtenAtLeast(sink, 3)
      await sink.stop()
    }
  })

  it.each(['classic', 'consumer'] as const)(
    'is read although a partition has no broker any more, until that one fails, in the protocol %s',
    async group_protocol => {
      const { start } = await scene()
      const sink = start({
        brokers: cluster.brokers,
        topics: apart,
        group_protocol,
        ...(group_protocol === 'consumer' && { kafka_options: {} }),
        retry_timeout_ms: 15_000,
      })
      await writtenAtLeast(sink, 1)
      await expect(sink.done).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_KAFKA',
        topic: apart,
        partition: 1,
      })
    },
  )
})
