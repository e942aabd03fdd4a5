import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { channels, isTraced } from '../../lib/diagnostics.ts'
import { createCassandraReadable, createCassandraWritable, createMicroBatchSink } from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('diagnostics_spec')
const checkpoints = useCheckpoints()

let proxy: CqlProxy
beforeAll(async () => {
  proxy = await CqlProxy.start(inject('cassandra'))
})
afterAll(() => proxy?.stop())

const rowsOf = (count: number) => Array.from({ length: count }, (_, id) => ({ id }))

/** Collects the messages of a plain channel until the end of the test. */
function messagesOf(name: string): unknown[] {
  const messages: unknown[] = []
  const listener = (message: unknown) => void messages.push(message)
  subscribe(name, listener)
  onTestFinished(() => void unsubscribe(name, listener))
  return messages
}

/** Collects the events of an operation with Node's TracingChannel until the end of the test. */
function eventsOf(name: string): { event: string; context: Record<string, unknown> }[] {
  const events: { event: string; context: Record<string, unknown> }[] = []
  const named = (event: string) => (context: object) => void events.push({ event, context: { ...context } })
  const names = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
  const subscribers = Object.fromEntries(names.map(event => [event, named(event)]))
  const channel = tracingChannel(name)
  channel.subscribe(subscribers as never)
  onTestFinished(() => channel.unsubscribe(subscribers as never))
  return events
}

describe('the channels', () => {
  it('create and publish nothing until somebody subscribes', () => {
    const { open, request, epoch, ...plain } = channels
    for (const channel of [open, request, epoch]) expect(isTraced(channel)).toBe(false)
    for (const channel of Object.values(plain)) expect(channel.hasSubscribers).toBe(false)
    eventsOf('cassandra-streams:request')
    expect(isTraced(request)).toBe(true)
    expect(isTraced(epoch)).toBe(false)
  })

  it('report each page of a source, with its rows and bytes', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    await pipeline(Readable.from(rowsOf(1_000)), createCassandraWritable({ ...ks.target, table }))
    const requests = eventsOf('cassandra-streams:request')
    const rows = await createCassandraReadable({ ...ks.target, table, consistency: 'ONE' }).toArray()
    const { keyspace } = ks.target
    const ends = requests.filter(({ event }) => event === 'asyncEnd').map(({ context }) => context)
    expect(requests.filter(({ event }) => event === 'start')).toHaveLength(ends.length)
    expect(ends.reduce((sum, { rows }) => sum + Number(rows), 0)).toBe(rows.length)
    // Each row is one value of 4 bytes and its length, and a page has little else.
    const bytes = ends.reduce((sum, { bytes }) => sum + Number(bytes), 0)
    expect(bytes).toBeGreaterThanOrEqual(8 * rows.length)
    expect(bytes).toBeLessThan(8 * rows.length + 100 * ends.length)
    expect(ends[0]).toMatchObject({ keyspace, table, operation: 'select', consistency: 'ONE', retries: 0 })
  })

  it('report a page that is requested again, and why', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    await pipeline(Readable.from(rowsOf(10)), createCassandraWritable({ ...ks.target, table }))
    const retries = messagesOf('cassandra-streams:retry')
    const requests = eventsOf('cassandra-streams:request')
    const slow = await CqlProxy.start(inject('cassandra'))
    onTestFinished(() => slow.stop())
    slow.decided = /^SELECT .* FROM "diagnostics_spec_\w+"/
    slow.decide = ({ index }) =>
      index === 2 ? { delivery: 'never', answer: { code: 0x1001, message: 'too much at once' } } : undefined
    const { host, port } = slow
    expect(await createCassandraReadable({ ...ks.target, host, port, table }).toArray()).toHaveLength(10)
    const failed = requests.filter(({ event }) => event === 'error').map(({ context }) => context)
    expect(failed).toHaveLength(1)
    expect(failed[0]?.['error']).toMatchObject({ code: 0x1001 })
    const { keyspace } = ks.target
    const numbers = { rows: expect.any(Number), wait_ms: expect.any(Number) }
    expect(retries).toEqual([{ keyspace, table, tries: 1, ...numbers, reason: 'too much at once' }])
  })

  it('report the opening, and each request with its number of rows, but no row', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const opened = eventsOf('cassandra-streams:open')
    const requests = eventsOf('cassandra-streams:request')
    const acknowledged = messagesOf('cassandra-streams:acknowledged')
    const sink = createCassandraWritable({ ...ks.target, table, consistency: 'ONE' })
    await pipeline(Readable.from(rowsOf(1_000)), sink)
    expect(opened.map(({ event }) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    const { host, port, keyspace } = ks.target
    expect(opened[0]?.context).toEqual({ keyspace, table, hosts: [host], port })
    const starts = requests.filter(({ event }) => event === 'start')
    expect(starts).toHaveLength(sink.stats.requests)
    expect(requests.filter(({ event }) => event === 'asyncEnd')).toHaveLength(sink.stats.requests)
    const sum = (name: string) => starts.reduce((total, { context }) => total + Number(context[name]), 0)
    expect([sum('rows'), sum('bytes')]).toEqual([1_000, sink.stats.bytes_written])
    expect(starts[0]?.context).toMatchObject({
      keyspace,
      table,
      operation: 'insert',
      consistency: 'ONE',
      retries: 0,
    })
    expect(acknowledged.at(-1)).toEqual({ keyspace, table, row_index: 999 })
  })

  it('report faults, retries, the window and bad rows, in words and without a password', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const [requests, retries] = [eventsOf('cassandra-streams:request'), messagesOf('cassandra-streams:retry')]
    const [windows, bad] = [messagesOf('cassandra-streams:window'), messagesOf('cassandra-streams:bad-row')]
    let faults = 4
    proxy.decide = () =>
      faults-- > 0 ? { delivery: 'never', answer: { code: 0x1001, message: 'too much at once' } } : undefined
    const sink = createCassandraWritable<object>({
      ...ks.target,
      host: proxy.host,
      port: proxy.port,
      table,
      rows_per_batch: 10,
      on_bad_row: () => {},
    })
    await pipeline(Readable.from([...rowsOf(100), { id: 'bad' }]), sink)
    expect(retries).toHaveLength(sink.stats.retries)
    expect(retries[0]).toMatchObject({ table, rows: 10, tries: 1, reason: 'too much at once' })
    const failed = requests.filter(({ event }) => event === 'error')
    expect(failed).toHaveLength(4)
    expect(failed[0]?.context['error']).toMatchObject({ message: 'too much at once', code: 0x1001 })
    expect(windows[0]).toEqual({ limit: 16 })
    expect(bad).toEqual([
      {
        keyspace: ks.name,
        table,
        row_index: 100,
        code: 'ERR_CASSANDRA_VALUE',
        column: 'id',
        message: expect.any(String),
      },
    ])
    const all = inspect([requests, retries, windows, bad], { depth: Infinity, showHidden: true })
    expect(all).not.toContain(ks.target.password)
  })

  it('report epochs, and epochs that fail', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const epochs = eventsOf('cassandra-streams:epoch')
    const sink = createMicroBatchSink({ ...ks.target, table, checkpoint_location: checkpoints.location() })
    await sink.writeEpoch(0, rowsOf(5))
    expect(epochs.map(({ event }) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(epochs[0]?.context).toEqual({ keyspace: ks.name, table, epoch_id: 0, rows: 5, replayed: false })
    await ks.client.execute(`DROP TABLE ${ks.name}.${table}`)
    await expect(sink.writeEpoch(1, rowsOf(5))).rejects.toThrow()
    expect(epochs.at(-1)?.context['error']).toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it('report an opening that fails', async () => {
    const opened = eventsOf('cassandra-streams:open')
    const sink = createCassandraWritable({ ...ks.target, table: 'nowhere' })
    await new Promise(resolve => sink.once('error', resolve))
    expect(opened.find(({ event }) => event === 'error')?.context['error']).toMatchObject({
      code: 'ERR_CASSANDRA_TABLE_NOT_FOUND',
    })
  })
})
