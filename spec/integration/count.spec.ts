import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { type CassandraCountOptions, countRows, createCassandraWritable } from '../../lib/index.ts'
import { CqlProxy, type Fate } from '../proxy/cqlProxy.ts'
import { faultCodes, parametersOf } from '../proxy/frame.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { expectWholeRing, fillRing, HIGHEST, LOWEST } from '../ring.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('count_spec')
const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

/** Number of rows by partition key. Most partitions are small, and two have several pages of 5,000 rows. */
const sizes = new Map<string, number>()
let skewed = 0

async function write(table: string, rows: Iterable<object>): Promise<void> {
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table }))
}

beforeAll(async () => {
  const random = randomFrom(seed)
  for (let i = 0; i < 800; i++) sizes.set(`small ${i}`, 1 + integerBelow(6, random))
  for (const rows of [12_001, 10_000, 700, 700, 90, 80, 70, 60, 50, 40, 30]) sizes.set(`large ${rows}`, rows)
  sizes.set('as large', 700)
  await ks.client.execute(
    `CREATE TABLE ${ks.name}.skewed (name text, day bigint, c int, v text, PRIMARY KEY ((name, day), c))`,
  )
  const rows = function* () {
    for (const [name, size] of sizes) for (let c = 0; c < size; c++) yield { name, day: 7, c, v: `v ${c}` }
  }
  await write('skewed', rows())
  skewed = [...sizes.values()].reduce((sum, size) => sum + size, 0)
}, 120_000)

const count = (more: Partial<CassandraCountOptions> = {}) =>
  countRows({ ...ks.target, table: 'skewed', ...more })

const serverCount = async (conditions = '') =>
  Number((await ks.select(`SELECT count(*) AS n FROM ${ks.name}.skewed ${conditions}`))[0]?.['n'])

/** Sorted by size, then by the bytes of the key, which begin with the length of the name. */
const largest = () =>
  [...sizes]
    .toSorted(([a, x], [b, y]) => y - x || a.length - b.length || (a < b ? -1 : 1))
    .map(([name, rows]) => ({ key: { name, day: 7n }, rows }))

describe(`a count (seed ${seed})`, () => {
  it.each([{}, { splits: 1, concurrency: 1 }, { splits: '300', concurrency: 16 }])(
    'equals the count of the server and has the largest partitions, with %j',
    async options => {
      const found = await count(options)
      expect(found).toMatchObject({ rows: await serverCount(), partitions: sizes.size })
      expect(found.rows).toBe(skewed)
      expect(found.largest_partitions).toEqual(largest().slice(0, 10))
      const sum = (of: 'rows' | 'partitions') => found.ranges.reduce((total, range) => total + range[of], 0)
      expect([sum('rows'), sum('partitions')]).toEqual([skewed, sizes.size])
    },
  )

  it.each([1, 3, 7])('is shared by %i shards, each partition in one of them', async shards => {
    const found = await Promise.all(
      Array.from({ length: shards }, (_, index) => count({ shard: `${index}/${shards}`, splits: 10 })),
    )
    const sum = (of: 'rows' | 'partitions') => found.reduce((total, each) => total + each[of], 0)
    expect([sum('rows'), sum('partitions')]).toEqual([skewed, sizes.size])
    const ranges = found.flatMap(each => each.ranges)
    expect(ranges.slice(1).map(({ start }) => start)).toEqual(ranges.slice(0, -1).map(({ end }) => end))
    expect([ranges[0]?.start, ranges.at(-1)?.end]).toEqual([LOWEST, HIGHEST])
  })

  it('names as many partitions as the option says', async () => {
    expect((await count({ largest: 0 })).largest_partitions).toEqual([])
    expect((await count({ largest: '3' })).largest_partitions).toEqual(largest().slice(0, 3))
    expect((await count({ largest: 1000 })).largest_partitions).toEqual(largest())
  })

  it('counts in each range the partitions above its start up to its end, also at the ends of the ring', async () => {
    const target = { ...ks.target, table: 'ring' }
    await fillRing(ks.client, target, seed)
    await expectWholeRing(ks.client, target, seed)
  })

  it('of an empty table is zero', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.nothing (id int PRIMARY KEY)`)
    expect(await count({ table: 'nothing' })).toMatchObject({
      rows: 0,
      partitions: 0,
      largest_partitions: [],
    })
  })

  it('counts a partition with static columns only as one row, like the server', async () => {
    await ks.client.execute(
      `CREATE TABLE ${ks.name}.statics (p int, c int, s text static, PRIMARY KEY (p, c))`,
    )
    await write('statics', [
      { p: 1, s: 'alone' },
      { p: 2, c: 1, s: 'x' },
      { p: 2, c: 2 },
    ])
    const [told] = await ks.select(`SELECT count(*) AS n FROM ${ks.name}.statics`)
    const found = await count({ table: 'statics' })
    expect(found).toMatchObject({ rows: Number(told?.['n']), partitions: 2 })
    expect(found.largest_partitions).toEqual([
      { key: { p: 2 }, rows: 2 },
      { key: { p: 1 }, rows: 1 },
    ])
  })

  it('works with names that need quotes or have a meaning in JavaScript', async () => {
    await ks.client.execute(
      `CREATE TABLE ${ks.name}.names ("A b" int, "__proto__" int, PRIMARY KEY (("A b", "__proto__")))`,
    )
    await write('names', [JSON.parse('{"A b":1,"__proto__":2}')])
    const [found] = (await count({ table: 'names' })).largest_partitions
    expect(Object.entries(found?.key ?? {})).toEqual([
      ['A b', 1],
      ['__proto__', 2],
    ])
  })
})

describe('where', () => {
  it('limits the count to matching rows, and to partitions with such a row', async () => {
    const found = await count({ where: 'c >= ?', params: [50], allow_filtering: true })
    expect(found.rows).toBe(await serverCount('WHERE c >= 50 ALLOW FILTERING'))
    const left = largest()
      .map(({ key, rows }) => ({ key, rows: rows - 50 }))
      .filter(({ rows }) => rows > 0)
    expect(found.partitions).toBe(left.length)
    expect(found.largest_partitions).toEqual(left.slice(0, 10))
  })

  it('with whole partition keys limits the count to these, and there are no ranges', async () => {
    const params = [['large 12001', 'small 1', 'large 12001'], 7]
    const found = await count({ filter: 'name IN ? AND day = ?', params })
    const small = sizes.get('small 1') ?? 0
    expect(found).toEqual({
      rows: 12_001 + small,
      partitions: 2,
      ranges: [],
      largest_partitions: [
        { key: { name: 'large 12001', day: 7n }, rows: 12_001 },
        { key: { name: 'small 1', day: 7n }, rows: small },
      ],
    })
  })
})

describe('what cannot be counted is refused', () => {
  it.each<[object, object]>([
    [{ where: 'c > 3' }, { code: 'ERR_CASSANDRA_OPTION', option: 'where' }],
    [{ where: 'c > 3 GROUP BY name' }, { code: 'ERR_CASSANDRA_OPTION', option: 'where' }],
    [{ shard: '2/2' }, { code: 'ERR_CASSANDRA_OPTION', option: 'shard' }],
    [
      { shard: '0/2', where: "name = 'small 1' AND day = 7" },
      { code: 'ERR_CASSANDRA_OPTION', option: 'shard' },
    ],
    [{ largest: -1 }, { code: 'ERR_CASSANDRA_OPTION', option: 'largest' }],
    [{ largest: 1001 }, { code: 'ERR_CASSANDRA_OPTION', option: 'largest' }],
    [{ columns: ['c'] }, { code: 'ERR_CASSANDRA_OPTION_UNKNOWN', option: 'columns' }],
    [{ fetch_size: 10 }, { code: 'ERR_CASSANDRA_OPTION_UNKNOWN', option: 'fetch_size' }],
    [{ table: 'nowhere' }, { code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' }],
    [{ host: '127.0.0.1', port: 1 }, { code: 'ERR_CASSANDRA_CONNECT' }],
  ])('%j', async (more, error) => {
    await expect(count(more)).rejects.toMatchObject(error)
  })
})

describe('a count with faults', () => {
  async function proxied(decide: CqlProxy['decide']) {
    const proxy = await CqlProxy.start({ host: ks.target.host, port: ks.target.port })
    onTestFinished(() => proxy.stop())
    proxy.decided = /^SELECT .* FROM "count_spec_\w+"/
    proxy.decide = decide
    return { proxy, target: { host: proxy.host, port: proxy.port } }
  }

  const error = (code: number): Fate => ({ delivery: 'never', answer: { code, message: 'for a moment' } })

  it.each<[string, Fate]>([
    ['Read_timeout', error(faultCodes.readTimeout)],
    ['Overloaded', error(faultCodes.overloaded)],
    ['a lost answer', { answer: 'close' }],
  ])('is right despite %s in the middle', async (_, fate) => {
    const { target } = await proxied(({ index }) => (index % 9 === 4 ? fate : undefined))
    const found = await count({ ...target, splits: 3, concurrency: 2 })
    expect(found).toMatchObject({ rows: skewed, partitions: sizes.size })
    expect(found.largest_partitions).toEqual(largest().slice(0, 10))
  })

  it('is right for a range that takes too long and is read in parts, and reports it as one range', async () => {
    const seen = new Map<string, number>()
    const { target } = await proxied(({ frame }) => {
      const values = parametersOf(frame).subarray(2 + 1 + 2)
      const [start, end] = [values.readBigInt64BE(4), values.readBigInt64BE(16)]
      const times = (seen.get(`${start} ${end}`) ?? 0) + 1
      seen.set(`${start} ${end}`, times)
      return times <= 2 && end - start > 2n ** 57n ? error(faultCodes.readTimeout) : undefined
    })
    const found = await count({ ...target, splits: 1 })
    expect(found).toMatchObject({ rows: skewed, partitions: sizes.size })
    expect(seen.size).toBeGreaterThan(2 * found.ranges.length)
  })

  it('fails with a code if the faults do not pass, and closes what it opened', async () => {
    const { proxy, target } = await proxied(() => error(faultCodes.overloaded))
    const limits = { request_timeout_ms: 5_000, retry_timeout_ms: 500 }
    await expect(count({ ...target, ...limits })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_READ_TIMEOUT',
    })
    await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
  })

  it('sends no more requests when one range cannot be read, even through a client that stays open', async () => {
    // The first range of this server's ring has one token, and the next ones have many pages.
    const { proxy } = await proxied(({ index }) => (index === 1 ? error(0x2100) : { delay_ms: 20 }))
    const client = new Client({
      contactPoints: [`${proxy.host}:${proxy.port}`],
      localDataCenter: inject('cassandra').localDataCenter,
    })
    onTestFinished(() => client.shutdown())
    const { keyspace } = ks.target
    const counting = countRows({ client, keyspace, table: 'skewed', splits: 1, concurrency: 4 })
    await expect(counting).rejects.toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
    await vi.waitFor(() => expect(proxy.unanswered).toBe(0), { timeout: 10_000 })
    // Four that were in flight, and the next page of one of them before the error came.
    expect(proxy.writes).toBeLessThanOrEqual(4 + 1)
    await delay(200)
    expect(proxy.writes).toBeLessThanOrEqual(4 + 1)
  })

  it.each(['while it connects', 'while pages do not come'])(
    'ends with the reason of its signal %s, and closes what it opened',
    async when => {
      const abort = new AbortController()
      const reason = new Error('enough')
      const { proxy, target } = await proxied(() => {
        abort.abort(reason)
        return { delivery: 'never', answer: 'nothing' }
      })
      // Without a time limit, only the signal can end it.
      const counting = count({ ...target, signal: abort.signal, request_timeout_ms: 600_000 })
      if (when === 'while it connects') abort.abort(reason)
      await expect(counting).rejects.toBe(reason)
      await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
    },
  )

  it('does not connect if its signal is aborted already', async () => {
    const { proxy, target } = await proxied(() => undefined)
    const reason = new Error('never')
    await expect(count({ ...target, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(proxy.connections).toBe(0)
  })

  it('closes what it opened, and leaves no listener on its signal', async () => {
    const { proxy, target } = await proxied(() => undefined)
    const { signal } = new AbortController()
    await count({ ...target, signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await vi.waitFor(() => expect(proxy.connections).toBe(0), { timeout: 10_000 })
  })
})
