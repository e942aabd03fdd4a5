import { createRequire } from 'node:module'
import { Kafka, logLevel } from 'kafkajs'
import { describe, expect, it, vi } from 'vitest'
import { kafkaJsConsumer } from '../../../lib/kafka/index.ts'
import type { RawMessage } from '../../../lib/kafka/kafkaJsRecord.ts'
import { leaveOutAborted, withoutAborted } from '../../../lib/kafka/kafkaJsTransactions.ts'
import { FakeKafkaJs } from './fakeKafkaJs.ts'

const KafkaJsBatch = createRequire(import.meta.url)('kafkajs/src/consumer/batch.js')

const of = (offset: number, producerId: number, key: string | Buffer, more: object = {}): RawMessage => ({
  offset: String(offset),
  key: Buffer.from(key),
  batchContext: { producerId: String(producerId), inTransaction: true },
  ...more,
})
const end = (offset: number, producerId: number, kind: 'abort' | 'commit') =>
  of(offset, producerId, Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]), { isControlRecord: true })
const aborted = (...transactions: readonly (readonly [producerId: number, firstOffset: number])[]) =>
  transactions.map(([producerId, firstOffset]) => ({
    producerId: String(producerId),
    firstOffset: String(firstOffset),
  }))

/** What KafkaJS delivers of a response. */
function delivered(fetchedOffset: number, messages: RawMessage[], transactions: ReturnType<typeof aborted>) {
  const partition = { partition: 0, highWatermark: '900', messages, abortedTransactions: transactions }
  leaveOutAborted(partition)
  const batch = new KafkaJsBatch('t', String(fetchedOffset), partition)
  return {
    keys: batch.messages.map(({ key }: RawMessage) => String(key)),
    last: batch.lastOffset(),
    isPassedOver: batch.isEmptyDueToFiltering(),
  }
}

describe('messages of aborted transactions with kafkajs', () => {
  it('are left out if transactions of several producers overlap, which brokers list by their ends', () => {
    const log = [
      of(50, 2, 'b1'),
      of(60, 2, 'b2'),
      of(100, 1, 'a1'),
      of(101, 2, 'b3'),
      of(102, 3, 'c1'),
      end(110, 1, 'abort'),
      end(120, 2, 'abort'),
      of(130, 2, 'b4'),
      end(131, 2, 'commit'),
    ]
    expect(delivered(50, log, aborted([1, 100], [2, 50]))).toEqual({
      keys: ['c1', 'b4'],
      last: '131',
      isPassedOver: false,
    })
  })

  it('are left out after one whose key is that of the end of a transaction', () => {
    const log = [of(10, 1, 'a'), of(11, 1, Buffer.alloc(4)), of(12, 1, 'b'), end(13, 1, 'abort')]
    expect(delivered(10, log, aborted([1, 10]))).toEqual({ keys: [], last: '13', isPassedOver: true })
  })

  it('are left out if a response begins in several transactions and ends before they do', () => {
    const log = [of(50, 2, 'b'), of(51, 3, 'c'), of(52, 2, 'b')]
    expect(delivered(50, log, aborted([1, 10], [2, 20], [3, 30]))).toEqual({
      keys: [],
      last: '52',
      isPassedOver: true,
    })
  })

  it('are no others', () => {
    const plain = { batchContext: { producerId: '1', inTransaction: false } }
    const log = [
      of(0, 1, 'a'),
      end(1, 1, 'commit'),
      of(2, 1, 'b', plain),
      of(3, 1, 'c'),
      { offset: '4', key: Buffer.from('old') },
    ]
    expect(delivered(0, log, aborted([1, 3]))).toMatchObject({ keys: ['a', 'b', 'old'], last: '4' })
    expect(delivered(0, log.slice(0, 3), [])).toMatchObject({ keys: ['a', 'b'], last: '2' })
  })
})

describe('an instance of kafkajs', () => {
  it('gets each response of its consumers filtered, once', async () => {
    const messages = [of(0, 1, 'a')]
    const partition = { messages, abortedTransactions: aborted([1, 0]) }
    const broker = { fetch: async () => ({ responses: [{ partitions: [partition] }] }) }
    const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING })
    const [name] = Object.getOwnPropertySymbols(kafka).filter(({ description }) =>
      description?.endsWith('createCluster'),
    )
    if (name === undefined) throw new Error('Expected an instance that makes its clusters')
    Reflect.set(kafka, name, () => ({ findBroker: async () => broker }))
    const cluster = Reflect.get(withoutAborted(kafka), name)()
    const { fetch } = await cluster.findBroker({ nodeId: 1 })
    expect((await cluster.findBroker({ nodeId: 1 })).fetch).toBe(fetch)
    await fetch({})
    expect(messages).toEqual([of(0, 1, 'a', { isControlRecord: true })])
  })

  it('of an unknown version ends with an error at the first message of a transaction', async () => {
    const kafka = new FakeKafkaJs()
    const limits = { max_fetched_bytes: 1_000_000, retry_timeout_ms: 1_000 }
    const client = kafkaJsConsumer(kafka)({ group_id: 'g', topics: ['t'], ...limits })
    await client.join({ assigned: () => {}, failed: () => {} })
    const take = vi.fn(() => undefined)
    const from = { topic: 't', partition: 0, offset: 0n }
    const read = client.read(from, take, new AbortController().signal)
    const raw = (inTransaction: boolean) => ({
      rawMessages: [{ offset: '0', key: null, batchContext: { producerId: '1', inTransaction } }],
    })
    await kafka.deliver(0, 1, raw(false))
    await kafka.deliver(1, 1, raw(true))
    await expect(read).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_KAFKA',
      message: expect.stringMatching(/^Messages of t\/0 from offset 1 on are in transactions/),
    })
    expect(take).toHaveBeenCalledTimes(1)
    await client.close()
  })
})
