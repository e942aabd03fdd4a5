import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { runKafkaSink } from '../../../lib/kafka/index.ts'
import type { KafkaClient, KafkaRecord } from '../../../lib/options/kafkaClient.ts'
import { FakeClient, rowsOf } from '../../fake/fakeClient.ts'
import { settled } from '../../stream/support.ts'

const of = { topic: 'orders', partition: 0 }

const messageOf = (offset: number, id: number | 'bad'): KafkaRecord => ({
  ...of,
  offset: BigInt(offset),
  key: null,
  value: Buffer.from(JSON.stringify({ id })),
  headers: [],
  timestamp: offset,
})

/** A client of a group with one member, and of a topic with one partition. */
function clientOf(messages: readonly KafkaRecord[]): KafkaClient {
  return {
    join: async listener => listener.assigned([of]),
    log: async () => ({ first: 0n, next: BigInt(messages.length) }),
    read: async ({ offset }, take, signal) => {
      await take(messages.filter(message => message.offset >= offset))
      if (!signal.aborted) await once(signal, 'abort')
    },
    commit: async () => {},
    close: async () => {},
  }
}

it('a Kafka sink whose on_bad_row throws commits the epoch before that of the bad row', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoints-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const messages = Array.from({ length: 26 }, (_, i) => messageOf(i, i === 25 ? 'bad' : i))
  const run = () => {
    const client = new FakeClient()
    const options = { client: client.asClient, keyspace: 'ks', table: 't', group_id: 'g', topics: 'orders' }
    const sink = runKafkaSink({
      ...options,
      consumer: () => clientOf(messages),
      row: ({ value }) => JSON.parse(String(value)) as object,
      checkpoint: folder,
      rows_per_epoch: 20,
      epoch_interval_ms: 3_600_000,
      on_bad_row: error => {
        throw error
      },
    })
    sink.done.catch(() => {})
    return { client, sink }
  }
  const { client, sink } = run()
  await client.nextWrite()
  await settled()
  client.automatic = true
  for (const write of [...client.pending]) write.acknowledge()
  await expect(sink.done).rejects.toMatchObject({ code: 'ERR_CASSANDRA_VALUE', row_index: 25 })
  expect(client.writes.map(rowsOf).reduce((sum, count) => sum + count)).toBe(20)
  const again = run()
  await expect(again.sink.done).rejects.toMatchObject({ code: 'ERR_CASSANDRA_VALUE', row_index: 5 })
  expect(again.client.writes).toEqual([])
})
