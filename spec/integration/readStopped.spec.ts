import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import {
  type CassandraReadableOptions,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
} from '../../lib/index.ts'
import { CqlProxy, type Fate } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('read_stopped_spec')
const checkpoints = useCheckpoints()
const CONCURRENCY = 4
const FETCH_SIZE = 10
/** Rows that a stream holds for its consumer. */
const HELD_ROWS = 256
/** Rows of one take from a page. */
const ROWS_AT_ONCE = 128

beforeAll(async () => {
  await ks.client.execute(`CREATE TABLE ${ks.name}.people (id int PRIMARY KEY, name text)`)
  const rows = Array.from({ length: 5_000 }, (_, id) => ({ id, name: `name ${id}` }))
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table: 'people' }))
}, 120_000)

/** A proxy that decides on requests for pages of the table. */
async function proxied(decide: CqlProxy['decide'] = () => undefined): Promise<CqlProxy> {
  const proxy = await CqlProxy.start(inject('cassandra'))
  onTestFinished(() => proxy.stop())
  proxy.decided = /^SELECT .* FROM "read_stopped_spec_\w+"/
  proxy.decide = decide
  return proxy
}

/** Without a time limit, only the end of the stream ends its requests. */
const optionsFor = (proxy: CqlProxy, more: Partial<CassandraReadableOptions> = {}) => ({
  ...ks.target,
  host: proxy.host,
  port: proxy.port,
  table: 'people',
  fetch_size: FETCH_SIZE,
  concurrency: CONCURRENCY,
  request_timeout_ms: 600_000,
  ...more,
})

/** Resolves when nobody pulls, and the requests have come to an end. */
async function settledPages(proxy: CqlProxy): Promise<number> {
  for (let before = -1; ; before = proxy.writes) {
    await delay(500)
    if (proxy.writes === before) return before
  }
}

/** Reads rows up to a number, and stops the stream as soon as `ready` resolves. Resolves once the stream is closed. */
type Stop = (options: CassandraReadableOptions, rows: number, ready: () => Promise<unknown>) => Promise<void>

const stops: Readonly<Record<string, Stop>> = {
  'a Readable by `break`': async (options, rows, ready) => {
    const source = createCassandraReadable(options)
    let seen = 0
    for await (const _ of source) {
      if (++seen < rows) continue
      await ready()
      break
    }
    expect([seen, source.destroyed, source.closed]).toEqual([rows, true, true])
  },
  'a Readable by destroy()': async (options, rows, ready) => {
    const source = createCassandraReadable(options)
    let seen = 0
    source.on('data', () => {
      if (++seen < rows) return
      source.pause()
      void ready().then(() => source.destroy())
    })
    await new Promise<void>(resolve => source.once('close', resolve))
    expect(seen).toBe(rows)
  },
  'a ReadableStream by `break`': async (options, rows, ready) => {
    let seen = 0
    for await (const _ of createCassandraReadableStream(options)) {
      if (++seen < rows) continue
      await ready()
      break
    }
    expect(seen).toBe(rows)
  },
  'a ReadableStream by cancel()': async (options, rows, ready) => {
    const reader = createCassandraReadableStream(options).getReader()
    for (let seen = 0; seen < rows; seen++) await reader.read()
    await ready()
    await reader.cancel('enough')
    expect(await reader.read()).toEqual({ value: undefined, done: true })
  },
}

describe.each(Object.keys(stops))('%s', name => {
  const stop = (options: CassandraReadableOptions, rows: number, ready = async () => {}) =>
    stops[name]?.(options, rows, ready)

  it('closes what it opened, and requests no further page', async () => {
    const proxy = await proxied(() => ({ delay_ms: 20 }))
    await stop(optionsFor(proxy), 25)
    await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
    const { writes } = proxy
    await delay(200)
    expect(proxy.writes).toBe(writes)
  })

  it('ends while requests are unanswered', async () => {
    const lost: Fate = { delivery: 'never', answer: 'nothing' }
    const proxy = await proxied(({ index }) => (index < 2 * CONCURRENCY ? undefined : lost))
    await stop(optionsFor(proxy), 1)
    await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
  })

  it.each<[string, Fate]>([
    // Late, so that many pages are missing when the stream stops.
    ['answered late', { delay_ms: 20 }],
    [
      'refused, and repeated',
      { delivery: 'never', answer: { code: faultCodes.overloaded, message: 'busy' } },
    ],
  ])('requests no further page through a client that stays open, while requests are %s', async (_, fate) => {
    const proxy = await proxied(({ index }) => (index < 2 * CONCURRENCY ? undefined : fate))
    const client = new Client({
      contactPoints: [`${proxy.host}:${proxy.port}`],
      localDataCenter: inject('cassandra').localDataCenter,
    })
    onTestFinished(() => client.shutdown())
    const { host: _host, port: _port, username: _name, password: _password, ...options } = optionsFor(proxy)
    const inFull = () => expect(proxy.writes).toBeGreaterThan(4 * CONCURRENCY)
    await stop({ ...options, client }, 1, () => vi.waitFor(inFull, { timeout: 10_000 }))
    const { writes } = proxy
    await vi.waitFor(() => expect(proxy.unanswered).toBe(0), { timeout: 10_000 })
    await delay(500)
    // Requests that were on their way to the proxy.
    expect(proxy.writes).toBeLessThanOrEqual(writes + CONCURRENCY)
    expect(proxy.connections).toBeGreaterThan(0)
  })
})

describe('a ReadableStream', () => {
  it('requests pages only while its consumer has room', async () => {
    const proxy = await proxied()
    const reader = createCassandraReadableStream(optionsFor(proxy)).getReader()
    await reader.read()
    const requested = await settledPages(proxy)
    // Rows in the stream and the rest of a page, pages that are ready, and one waiting page per lane. A range may end with an
    // empty page.
    const pages = Math.ceil((HELD_ROWS + ROWS_AT_ONCE) / FETCH_SIZE) + 2 * CONCURRENCY
    expect(requested).toBeLessThanOrEqual(2 * pages)
    let rows = 1
    while (!(await reader.read()).done) rows++
    expect(rows).toBe(5_000)
    expect(proxy.writes).toBeGreaterThanOrEqual(5_000 / FETCH_SIZE)
  })

  it('fails with the error of acknowledge(), and closes what it opened', async () => {
    const proxy = await proxied()
    const checkpoint_location = checkpoints.location()
    const stream = createCassandraReadableStream(optionsFor(proxy, { checkpoint_location }))
    const reader = stream.getReader()
    await reader.read()
    // No read is on its way that could fail instead.
    await settledPages(proxy)
    const refused = { code: 'ERR_CASSANDRA_OPTION' }
    // Nobody awaits the promise of acknowledge().
    void stream.acknowledge({ not: 'a position' })
    await expect(reader.closed).rejects.toMatchObject(refused)
    await expect(reader.read()).rejects.toMatchObject(refused)
    await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
    const { writes } = proxy
    await delay(200)
    expect(proxy.writes).toBe(writes)
    // The checkpoint is released.
    const next = createCassandraReadableStream(optionsFor(proxy, { checkpoint_location })).getReader()
    expect((await next.read()).done).toBe(false)
    await next.cancel()
  })
})
