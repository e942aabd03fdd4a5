import { deepEqual, equal, ok } from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'cassandra-driver'
import { createCassandraWritable, createMicroBatchSink } from 'cassandra-streams'
import { rejection, type Suite } from './suite.ts'

type Message = Readonly<Record<string, unknown>>

/** The messages of a channel while `work` runs. */
async function messagesOf(channel: string, work: () => Promise<unknown>): Promise<Message[]> {
  const messages: Message[] = []
  const listener = (message: unknown) => void messages.push({ ...(message as object) })
  subscribe(channel, listener)
  try {
    await work()
  } finally {
    unsubscribe(channel, listener)
  }
  return messages
}

const rows = Array.from({ length: 1_000 }, (_, id) => ({ id }))

export const channels: Suite = {
  async 'report each request'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...keyspace.target, table })
    const work = () => pipeline(Readable.from(rows), sink)
    const requests = await messagesOf('tracing:cassandra-streams:request:asyncEnd', work)
    equal(requests.length, sink.stats.requests)
    ok(requests.every(request => request['table'] === table && request['error'] === undefined))
    equal(
      requests.reduce((sum, request) => sum + Number(request['rows']), 0),
      rows.length,
    )
  },

  async 'report a bad row'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritable<object>({ ...keyspace.target, table, on_bad_row: () => {} })
    const work = () => pipeline(Readable.from([{ id: 1 }, { id: 'two' }]), sink)
    const [bad, ...more] = await messagesOf('cassandra-streams:bad-row', work)
    deepEqual([bad?.['row_index'], bad?.['column'], more], [1, 'id', []])
  },

  async 'report acknowledged rows'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...keyspace.target, table })
    const work = () => pipeline(Readable.from(rows), sink)
    const acknowledged = await messagesOf('cassandra-streams:acknowledged', work)
    deepEqual(acknowledged.at(-1), { keyspace: keyspace.name, table, row_index: 999 })
  },

  async 'report an epoch'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const checkpoint_location = `${keyspace.name}.channels.checkpoint`
    const sink = createMicroBatchSink({ ...keyspace.target, table, checkpoint_location })
    const work = () => pipeline(Readable.from(rows), sink)
    const epochs = await messagesOf('tracing:cassandra-streams:epoch:asyncEnd', work)
    deepEqual(epochs, [{ keyspace: keyspace.name, table, epoch_id: 0, rows: 1_000, replayed: false }])
  },

  async 'report rows that are sent again, and a smaller window'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    let faults = 0
    const execute = async (...request: Parameters<Client['execute']>) => {
      if (request[0].includes('INSERT') && faults++ === 0)
        throw Object.assign(new Error('too much'), { name: 'ResponseError', code: 0x1001 })
      return await keyspace.client.execute(...request)
    }
    const client = Object.create(keyspace.client, { execute: { value: execute } }) as Client
    const sink = createCassandraWritable({ client, keyspace: keyspace.name, table })
    let windows: Message[] = []
    const retries = await messagesOf('cassandra-streams:retry', async () => {
      const work = () => pipeline(Readable.from([{ id: 1 }]), sink)
      windows = await messagesOf('cassandra-streams:window', work)
    })
    deepEqual(
      retries.map(({ wait_ms, ...retry }) => retry),
      [{ keyspace: keyspace.name, table, rows: 1, tries: 1, reason: 'too much' }],
    )
    ok(windows.length > 0 && windows.every(({ limit }) => Number(limit) > 0), JSON.stringify(windows))
  },

  async 'report an opening that fails'({ target }) {
    const sink = createCassandraWritable({ ...target, table: 'nothing' })
    const work = () => rejection(pipeline(Readable.from([{ id: 1 }]), sink))
    const [failed] = await messagesOf('tracing:cassandra-streams:open:error', work)
    equal((failed?.['error'] as Message | undefined)?.['code'], 'ERR_CASSANDRA_TABLE_NOT_FOUND')
  },
}
