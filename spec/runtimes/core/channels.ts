import { deepEqual, equal, ok } from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createCassandraWritable } from 'cassandra-streams'
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

export const channels: Suite = {
  async 'report each request'(keyspace) {
    const table = await keyspace.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ ...keyspace.target, table })
    const rows = Array.from({ length: 1_000 }, (_, id) => ({ id }))
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

  async 'report an opening that fails'({ target }) {
    const sink = createCassandraWritable({ ...target, table: 'nothing' })
    const work = () => rejection(pipeline(Readable.from([{ id: 1 }]), sink))
    const [failed] = await messagesOf('tracing:cassandra-streams:open:error', work)
    equal((failed?.['error'] as Message | undefined)?.['code'], 'ERR_CASSANDRA_TABLE_NOT_FOUND')
  },
}
