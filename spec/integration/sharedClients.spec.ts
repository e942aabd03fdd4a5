import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import {
  type CassandraWritable,
  type CassandraWritableOptions,
  createCassandraWritable,
} from '../../lib/index.ts'
import { OutageProxy } from '../proxy/outageProxy.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('shared_clients_spec')

async function startProxy(): Promise<OutageProxy> {
  const proxy = await OutageProxy.start(inject('cassandra'))
  onTestFinished(() => proxy.stop())
  return proxy
}

/** Options for a new table behind the proxy. */
async function optionsBehind(proxy: OutageProxy): Promise<CassandraWritableOptions<{ id: number }>> {
  return { ...ks.target, table: await ks.table('id int PRIMARY KEY'), port: proxy.port }
}

/** Resolves when the sink is open and has accepted the row. */
const write = (sink: CassandraWritable<{ id: number }>, id: number) =>
  new Promise<void>((resolve, reject) => sink.write({ id }, error => (error ? reject(error) : resolve())))

async function open(
  options: CassandraWritableOptions<{ id: number }>,
): Promise<CassandraWritable<{ id: number }>> {
  const sink = createCassandraWritable(options)
  await write(sink, 0)
  return sink
}

function end(sink: CassandraWritable<{ id: number }>): Promise<void> {
  return new Promise((resolve, reject) => sink.once('close', resolve).once('error', reject).end())
}

/** The error that a sink ends with, and the connections that it opened. */
const failureOf = (sink: CassandraWritable<{ id: number }>) =>
  new Promise<Error>(resolve => sink.once('error', resolve))

describe('sinks with the same connection options', () => {
  it('use one connection for a hundred sinks until the last one has ended', async () => {
    const proxy = await startProxy()
    const options = await optionsBehind(proxy)
    const sinks = await Promise.all(Array.from({ length: 100 }, () => open({ ...options })))
    expect(proxy.connections).toBe(1)
    const [last, ...others] = sinks as [CassandraWritable<{ id: number }>, ...typeof sinks]
    await Promise.all(others.map(end))
    expect(proxy.connections).toBe(1)
    await write(last, 1)
    await end(last)
    expect(proxy.connections).toBe(0)
    expect(last.stats.rows_written).toBe(2)
  })

  it('may have more requests in flight than the driver’s limit of 2,048 per connection', async () => {
    const proxy = await startProxy()
    const options = { ...(await optionsBehind(proxy)), rows_per_batch: 1 }
    const sinks = await Promise.all(Array.from({ length: 130 }, () => open(options)))
    await vi.waitUntil(() => sinks.every(({ stats }) => stats.rows_written === 1), { timeout: 60_000 })
    proxy.strike('mute')
    for (const sink of sinks) for (let id = 1; id <= 16; id++) sink.write({ id })
    const sum = (name: 'requests_in_flight' | 'retries') =>
      sinks.reduce((sum, { stats }) => sum + stats[name], 0)
    await vi.waitUntil(() => sum('requests_in_flight') === 130 * 16, { timeout: 60_000 })
    // A request that a busy connection refuses also counts as in flight, and is retried.
    expect(sum('retries')).toBe(0)
    proxy.cut()
    await Promise.all(sinks.map(end))
    expect(proxy.connections).toBe(0)
  })

  it('do not share a client when a connection option differs, or when client_options are different objects', async () => {
    const proxy = await startProxy()
    const options = await optionsBehind(proxy)
    const client_options = { pooling: { heartBeatInterval: 20_000 } }
    const sinks = [
      await open(options),
      await open({ ...options, request_timeout_ms: 14_000 }),
      await open({ ...options, client_options }),
      await open({ ...options, client_options }),
      await open({ ...options, client_options: { ...client_options } }),
      await open({ ...options, concurrency: 7, table: await ks.table('id int PRIMARY KEY') }),
    ]
    expect(proxy.connections).toBe(4)
    await Promise.all(sinks.map(end))
    expect(proxy.connections).toBe(0)
  })

  it('do not share a client when client_options was changed in between, at any depth', async () => {
    const proxy = await startProxy()
    const options = await optionsBehind(proxy)
    const client_options = { pooling: { heartBeatInterval: 20_000 } }
    const sinks = [await open({ ...options, client_options })]
    client_options.pooling.heartBeatInterval = 10_000
    sinks.push(await open({ ...options, client_options }))
    expect(proxy.connections).toBe(2)
    await Promise.all(sinks.map(end))
  })

  it('report the reason when they join while the server is away', async () => {
    const proxy = await startProxy()
    const options = { ...(await optionsBehind(proxy)), request_timeout_ms: 5_000 }
    const first = await open(options)
    await proxy.setDoor('refuse')
    proxy.cut()
    expect(await failureOf(createCassandraWritable(options))).toMatchObject({
      code: expect.stringMatching(/^ERR_CASSANDRA_CONNECT/),
      message: expect.stringMatching(/every host was marked as down|ECONNREFUSED|No answer/),
    })
    await proxy.setDoor('open')
    await end(first)
  })

  it('fail together, each with its own error, and a later sink opens a new client', async () => {
    const proxy = await startProxy()
    const options = await optionsBehind(proxy)
    await proxy.setDoor('refuse')
    const errors = await Promise.all([1, 2, 3].map(() => failureOf(createCassandraWritable(options))))
    expect(errors).toMatchObject([1, 2, 3].map(() => ({ code: 'ERR_CASSANDRA_CONNECT' })))
    expect(new Set(errors).size).toBe(3)
    await proxy.setDoor('open')
    await end(await open(options))
    expect(proxy.connections).toBe(0)
  })

  it('are not affected when the first of them is destroyed while it connects', async () => {
    const proxy = await startProxy()
    const options = await optionsBehind(proxy)
    const first = createCassandraWritable(options)
    const second = createCassandraWritable(options)
    const third = createCassandraWritable({ ...options, signal: AbortSignal.timeout(1) })
    const aborted = failureOf(third)
    first.destroy()
    await write(second, 1)
    expect(proxy.connections).toBe(1)
    expect(await aborted).toMatchObject({ name: 'AbortError' })
    await end(second)
    expect(proxy.connections).toBe(0)
  })

  it('open a new client while the previous one is closing', async () => {
    const proxy = await startProxy()
    const options = await optionsBehind(proxy)
    for (let turn = 0; turn < 20; turn++) {
      const before = await open(options)
      const closing = end(before)
      // Opens at each point of the closing.
      for (let i = 0; i < turn; i++) await new Promise(setImmediate)
      await end(await open(options))
      await closing
    }
    expect(proxy.connections).toBe(0)
  })
})
