import { setTimeout as delay } from 'node:timers/promises'
import { Consumer } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { type KafkaSink, kafkaJsConsumer } from '../../lib/kafka/index.ts'
import { memberKinds, useKafka, WITHIN, written } from './scene.ts'

const { topics, scene } = useKafka('kafka_stop_spec')

describe('stop()', () => {
  it.each(Object.entries(memberKinds()))(
    'by %s commits the rows of all messages that `row` got, so that a changed `row` can follow',
    async (_, source) => {
      const { topic, group_id, start, send, found } = await scene(1, 'k text PRIMARY KEY, v int, w text')
      const count = 20_000
      await send(Array.from({ length: count }, () => 1))
      const sizes = { rows_per_epoch: 500, epoch_interval_ms: 1_000 }
      for (let stops = 0; stops < 4; stops++) {
        let given = 0
        const row = ({ key }: { readonly key: Buffer | null }) => {
          given++
          return { k: String(key), v: stops, w: 'x'.repeat(stops) }
        }
        const sink = start({ ...source, ...sizes, row })
        await vi.waitFor(() => expect(sink.stats.rows_written).toBeGreaterThan(700), {
          ...WITHIN,
          interval: 5,
        })
        await sink.stop()
        expect(sink.stats).toMatchObject({ rows_accepted: given, rows_written: given, rows_failed: 0 })
      }
      const last = start({ ...source, row: ({ key }) => ({ k: String(key), v: 9 }) })
      await vi.waitFor(
        async () => expect(await topics.committed(group_id, topic)).toEqual([BigInt(count)]),
        WITHIN,
      )
      await last.stop()
      const rows = Object.values(await found())
      expect(rows).toHaveLength(count)
      expect(rows.filter(v => v !== 9).length).toBe(count - last.stats.rows_written)
    },
  )

  it('waits for `on_bad_row`, and its message does not come again', async () => {
    const { start, send } = await scene()
    await send([1, 2, 3])
    const begun: bigint[] = []
    const ended: bigint[] = []
    const bad = {
      row: () => ({ k: 'a', v: 'many' }),
      on_bad_row: async (_: unknown, { offset }: { readonly offset: bigint }) => {
        begun.push(offset)
        await delay(300)
        ended.push(offset)
      },
    }
    const first = start(bad)
    await vi.waitFor(() => expect(begun).toEqual([0n]), WITHIN)
    await first.stop()
    expect(ended).toEqual([0n])
    const second = start(bad)
    await written(second, 2)
    await second.stop()
    expect(ended).toEqual([0n, 1n, 2n])
  })

  it('is interrupted by an abort while it waits for an `on_bad_row` that does not return', async () => {
    const { start, send } = await scene()
    await send([1, 2])
    const leaving = new AbortController()
    let asked = 0
    const sink = start({
      signal: leaving.signal,
      row: () => ({ k: 'a', v: 'many' }),
      on_bad_row: () => {
        asked++
        return new Promise(() => {})
      },
    })
    await vi.waitFor(() => expect(asked).toBe(1), WITHIN)
    const stopped = sink.stop()
    await delay(200)
    leaving.abort(new Error('enough'))
    await expect(stopped).rejects.toThrow('enough')
  })

  it('does not wait for a `start` that does not return', async () => {
    const { start } = await scene()
    let asked = 0
    const sink = start({
      start: () => {
        asked++
        return new Promise(() => {})
      },
    })
    await vi.waitFor(() => expect(asked).toBe(1), WITHIN)
    await sink.stop()
    await sink.done
  })

  /** Of a member that notices a rebalance only after 20 seconds. */
  const times = { sessionTimeout: 25_000, heartbeatInterval: 20_000, rebalanceTimeout: 30_000 }

  it('of a classic member does not wait for a group that waits for another one', async () => {
    const { start, topic, group_id } = await scene()
    const bootstrapBrokers = [...inject('brokers')]
    const other = new Consumer({ clientId: 'spec', groupId: group_id, bootstrapBrokers, ...times })
    onTestFinished(() => other.close(true))
    other.topics.trackAll(topic)
    await other.joinGroup({})
    await expectEarlyEnd(start({ kafka_options: times }), group_id)
  })

  it('of a member with kafkajs does not wait for a group that waits for another one', async () => {
    const { start, topic, group_id } = await scene()
    const kafka = new Kafka({ brokers: [...inject('brokers')], logLevel: logLevel.NOTHING })
    const other = kafka.consumer({ groupId: group_id, ...times })
    onTestFinished(() => other.disconnect())
    await other.connect()
    await other.subscribe({ topic })
    const hasJoined = new Promise(resolve => other.on('consumer.group_join', resolve))
    await other.run({ eachMessage: async () => {} })
    await hasJoined
    const consumer = kafkaJsConsumer(kafka, { consumer_options: times })
    await expectEarlyEnd(start({ brokers: undefined, kafka_options: undefined, consumer }), group_id)
  })

  async function expectEarlyEnd(sink: KafkaSink, group_id: string): Promise<void> {
    const group = async () => (await topics.admin.describeGroups([group_id])).groups[0]
    await vi.waitFor(async () => expect((await group())?.state).toBe('PreparingRebalance'), WITHIN)
    const from = performance.now()
    await sink.stop()
    expect(performance.now() - from).toBeLessThan(15_000)
    // It leaves when it has joined. A member that only disconnects stays for its session timeout.
    const within = { timeout: 22_000, interval: 500 }
    await vi.waitFor(async () => expect((await group())?.members).toHaveLength(1), within)
  }
})
