// A sketch: Kafka → Cassandra with offsets committed by hand, at least once. kafkajs is not installed here; `Consumer` is
// the part of its interface that is used, so `consumeOrders(kafka.consumer({ groupId: 'orders' }), client)` is a program.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'cassandra-driver'
import { createCassandraWritable } from 'cassandra-streams'

interface Batch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly { readonly offset: string; readonly value: Buffer | null }[]
}

export interface Consumer {
  commitOffsets(offsets: { topic: string; partition: number; offset: string }[]): Promise<void>
  run(config: { autoCommit: false; eachBatch(payload: { batch: Batch }): Promise<void> }): Promise<void>
}

export function consumeOrders(consumer: Consumer, client: Client): Promise<void> {
  return consumer.run({
    autoCommit: false,
    async eachBatch({ batch: { topic, partition, messages } }) {
      const last = messages.at(-1)
      if (last === undefined) return
      const rows = messages.flatMap(({ value }) => (value === null ? [] : [JSON.parse(value.toString())]))
      // Only when this returns has Cassandra acknowledged every row. When it throws, Kafka sends the batch again, and
      // writing the same rows again ends as the same table.
      await pipeline(
        Readable.from(rows),
        createCassandraWritable({ client, keyspace: 'shop', table: 'orders' }),
      )
      await consumer.commitOffsets([{ topic, partition, offset: String(BigInt(last.offset) + 1n) }])
    },
  })
}

// Next: a batch sent again must not undo what others wrote meanwhile → `createMicroBatchSink`, Exactly once in the README.
