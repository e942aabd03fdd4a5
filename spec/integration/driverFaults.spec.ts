import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import {
  type CassandraWritable,
  type CassandraWritableOptions,
  createCassandraWritable,
} from '../../lib/index.ts'
import { OutageProxy } from '../proxy/outageProxy.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('driver_faults_spec')

/** Ends a hang. On an idle machine the waits take a second or two. */
const PATIENCE = { timeout: 60_000, interval: 5 }

async function startProxy(host?: string, port?: number): Promise<OutageProxy> {
  const proxy = await OutageProxy.start(inject('cassandra'), host, port)
  onTestFinished(() => proxy.stop())
  return proxy
}

/** Writes row after row to a sink behind the proxy until it is stopped. */
class Load {
  readonly sink: CassandraWritable
  error: Error | undefined
  readonly #fed: Promise<void>
  #stopped = false

  constructor(options: CassandraWritableOptions) {
    this.sink = createCassandraWritable({ flush_interval_ms: 1, ...options })
    this.sink.on('error', error => {
      this.error = error
    })
    this.#fed = this.#feed()
    onTestFinished(() => {
      this.#stopped = true
      this.sink.destroy()
    })
  }

  /** Resolves when rows that are given from now on are written. */
  async goesOn(): Promise<void> {
    const { rows_accepted } = this.sink.stats
    await vi.waitUntil(() => this.error ?? this.sink.stats.rows_written > rows_accepted, PATIENCE)
    expect(this.error).toBeUndefined()
  }

  async end(): Promise<void> {
    this.#stopped = true
    await this.#fed
    const closed = new Promise(resolve => this.sink.once('close', resolve))
    this.sink.end()
    await closed
    expect(this.error).toBeUndefined()
    const { rows_accepted, rows_written } = this.sink.stats
    expect(rows_written).toBe(rows_accepted)
  }

  async #feed(): Promise<void> {
    for (let id = 0; !this.#stopped; id = (id + 1) % 1_000) {
      await new Promise<void>(resolve => this.sink.write({ id }, () => resolve()))
      await delay(1)
    }
  }
}

async function startLoad(proxy: OutageProxy, options: Partial<CassandraWritableOptions> = {}): Promise<Load> {
  const table = await ks.table('id int PRIMARY KEY')
  const load = new Load({ ...ks.target, table, port: proxy.port, ...options })
  await load.goesOn()
  return load
}

describe('a load', () => {
  it('ends with every row and without an unhandled rejection when its connections are cut at random', async () => {
    const seed = Number(process.env['CUT_SEED'] ?? randomInt(2 ** 31))
    console.log(`CUT_SEED=${seed}`)
    const random = randomFrom(seed)
    const proxy = await startProxy()
    const load = await startLoad(proxy)
    // The worst case is a cut during the search for another control connection.
    proxy.weather = 'slow'
    proxy.delay_ms = 5
    for (let cut = 0; cut < 40; cut++) {
      proxy.cut()
      await delay(integerBelow(500, random))
    }
    await load.goesOn()
    await load.end()
    expect(proxy.connections).toBe(0)
  })

  it('has one connection after each of five short outages', async () => {
    const proxy = await startProxy()
    const load = await startLoad(proxy)
    for (let outage = 0; outage < 5; outage++) {
      await proxy.setDoor('refuse')
      proxy.cut()
      const { retries } = load.sink.stats
      await vi.waitUntil(() => load.sink.stats.retries > retries + 3, PATIENCE)
      await proxy.setDoor('open')
      await load.goesOn()
      expect(proxy.connections).toBe(1)
    }
    await load.end()
    expect(proxy.connections).toBe(0)
  })

  it.each([1, 100])(
    'continues with another connection when the current one swallows everything, concurrency %i',
    async concurrency => {
      const proxy = await startProxy()
      const load = await startLoad(proxy, {
        concurrency,
        request_timeout_ms: 5_000,
        retry_timeout_ms: 30_000,
      })
      proxy.strike('swallow')
      await load.goesOn()
      await load.end()
      expect(proxy.connections).toBe(0)
    },
  )

  it('continues when PREPARE gets no answer', async () => {
    const proxy = await startProxy()
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({
      ...ks.target,
      table,
      port: proxy.port,
      request_timeout_ms: 5_000,
    })
    onTestFinished(() => {
      sink.destroy()
    })
    // The callback comes when the sink is open. No DELETE or INSERT has been prepared by then.
    await new Promise<void>(resolve => sink.write({ id: 0 }, () => resolve()))
    proxy.strike('swallow')
    const closed = new Promise((resolve, reject) => sink.once('close', resolve).once('error', reject))
    sink.end()
    await closed
    expect(sink.stats.rows_written).toBe(1)
  })
})

describe('opening', () => {
  it('prepares nothing, despite the defaults of the client, because a PREPARE has no time limit', async () => {
    const proxy = await startProxy()
    const { localDataCenter } = inject('cassandra')
    const client = new Client({
      contactPoints: [`127.0.0.1:${proxy.port}`],
      localDataCenter,
      queryOptions: { prepare: true },
    })
    onTestFinished(() => client.shutdown())
    const metadata = client.metadata as unknown as Record<'getPreparedInfo', (...query: string[]) => unknown>
    const prepared = vi.spyOn(metadata, 'getPreparedInfo')
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ client, keyspace: ks.name, table })
    await new Promise<void>((resolve, reject) =>
      sink.write({ id: 0 }, error => (error ? reject(error) : resolve())),
    )
    expect(prepared).not.toHaveBeenCalled()
    const closed = new Promise((resolve, reject) => sink.once('close', resolve).once('error', reject))
    sink.end()
    await closed
    expect(prepared.mock.calls.map(([, query]) => query)).toEqual([expect.stringMatching(/^INSERT INTO/)])
  })

  it('fails with an error that says that the client was already shut down', async () => {
    const { host, port, localDataCenter } = inject('cassandra')
    const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter })
    await client.connect()
    await client.shutdown()
    const sink = createCassandraWritable({ client, keyspace: ks.name, table: 't' })
    expect(await new Promise(resolve => sink.once('error', resolve))).toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT',
      message: 'The `client` was shut down',
    })
  })

  it('uses the contact point that answers, whichever two of the three hang', async () => {
    const good = await startProxy('127.0.0.1')
    for (const host of ['127.0.0.2', '127.0.0.3']) {
      const silent = await startProxy(host, good.port)
      silent.weather = 'swallow'
    }
    const table = await ks.table('id int PRIMARY KEY')
    for (let opening = 0; opening < 5; opening++) {
      const load = new Load({
        ...ks.target,
        host: ['127.0.0.2', '127.0.0.1', '127.0.0.3'],
        table,
        port: good.port,
        // Contact points that hang may take all of this time.
        request_timeout_ms: 4_000,
      })
      await load.goesOn()
      await load.end()
    }
  })
})
