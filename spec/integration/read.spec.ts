import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'cassandra-driver'
import { beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import {
  type CassandraReadableOptions,
  countRows,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
  type RetryMessage,
} from '../../lib/index.ts'
import { readSettingsOf } from '../../lib/options/readSettings.ts'
import { PageBuffers } from '../../lib/read/pageBuffers.ts'
import { RangeReader } from '../../lib/read/rangeReader.ts'
import { ReadStatement } from '../../lib/read/statement.ts'
import { readTable } from '../../lib/table/readTable.ts'
import { CqlProxy, type Fate } from '../proxy/cqlProxy.ts'
import { type Frame, faultCodes, pageRowsOf, parametersOf } from '../proxy/frame.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('read_spec')
const ROWS = 20_000

const rowOf = (id: number) => ({ id, part: id % 50, name: `name ${id}`, big: BigInt(id) * 1_000_003n })

beforeAll(async () => {
  await ks.client.execute(
    `CREATE TABLE ${ks.name}.people (part int, id int, name text, big bigint, PRIMARY KEY (part, id))`,
  )
  await ks.client.execute(
    `CREATE TABLE ${ks.name}."UserList" ("User Id" int PRIMARY KEY, "__proto__" text, "Age" int)`,
  )
  await write(
    'people',
    Array.from({ length: ROWS }, (_, id) => rowOf(id)),
  )
}, 120_000)

async function write(table: string, rows: readonly object[]): Promise<void> {
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table }))
}

const optionsFor = (more: Partial<CassandraReadableOptions>) => ({ ...ks.target, table: 'people', ...more })

async function read(more: Partial<CassandraReadableOptions> = {}): Promise<Record<string, unknown>[]> {
  return await createCassandraReadable(optionsFor(more)).toArray()
}

/** Requests for rows of the tables of this spec. */
const pagesOf = /^SELECT .* FROM "read_spec_\w+"/

const hex = (bytes: unknown) => (bytes as Buffer).toString('hex')

const byId = (rows: readonly Record<string, unknown>[]) =>
  rows.toSorted((a, b) => Number(a['id']) - Number(b['id']))

describe('a table', () => {
  it.each([
    {},
    { splits: 1, concurrency: 1 },
    { splits: 1000, concurrency: 16 },
    { fetch_size: 7, splits: 3 },
    { fetch_size: 1 + Math.floor(ROWS / 3) },
  ])('is read completely, each row once, with %j', async options => {
    const rows = byId(await read(options))
    expect(rows.length).toBe(ROWS)
    expect(rows).toEqual(Array.from({ length: ROWS }, (_, id) => rowOf(id)))
  })

  it.each(['plain', 'driver'] as const)(
    'of large rows keeps all of their values, with %s values',
    async values => {
      // A page comes in several chunks, and its memory is used for the next one.
      const columns = 'id int PRIMARY KEY, name text, raw blob, parts list<blob>, who uuid, at inet'
      const table = await ks.table(columns)
      const row = (id: number) => ({
        id,
        name: `${id} `.repeat(400),
        raw: Buffer.alloc(1000 + (id % 500), id),
        parts: [Buffer.alloc(300, id + 1), Buffer.alloc(300, id + 2)],
        who: `6ba7b810-9dad-11d1-80b4-${String(id).padStart(12, '0')}`,
        at: `10.0.${id >> 8}.${id & 255}`,
      })
      const given = Array.from({ length: 4_000 }, (_, id) => row(id))
      await write(table, given)
      const givenBack = vi.spyOn(PageBuffers.prototype, 'giveBack')
      const closed = vi.spyOn(PageBuffers.prototype, 'close')
      onTestFinished(() => void vi.restoreAllMocks())
      const rows = await read({ table, values, splits: 4, concurrency: 3 })
      expect(givenBack).toHaveBeenCalled()
      expect(closed).toHaveBeenCalled()
      closed.mockClear()
      await countRows({ ...ks.target, table })
      expect(closed).toHaveBeenCalled()
      // As text, because a comparison of buffers by their elements takes a minute.
      const shown = ({ id, name, raw, parts, who, at }: Record<string, unknown>) =>
        [id, name, hex(raw), (parts as unknown[]).map(hex), who, at].join()
      expect(byId(rows).map(shown)).toEqual(given.map(shown))
    },
  )

  it.each([1, 2, 3, 7])('is shared by %i shards, each row in one of them', async count => {
    const shards = await Promise.all(
      Array.from({ length: count }, (_, index) => read({ shard: `${index}/${count}` })),
    )
    expect(byId(shards.flat())).toEqual(Array.from({ length: ROWS }, (_, id) => rowOf(id)))
    // 50 partitions.
    for (const shard of shards) expect(shard.length).toBeGreaterThan(0)
  })

  it('is read by a ReadableStream', async () => {
    const rows: Record<string, unknown>[] = []
    const reader = createCassandraReadableStream(optionsFor({})).getReader()
    for (let next = await reader.read(); !next.done; next = await reader.read()) rows.push(next.value)
    expect(byId(rows)).toEqual(Array.from({ length: ROWS }, (_, id) => rowOf(id)))
  })

  it('is copied into another one by a pipeline', async () => {
    await ks.client.execute(
      `CREATE TABLE ${ks.name}.copy (part int, id int, name text, big bigint, PRIMARY KEY (part, id))`,
    )
    await pipeline(
      createCassandraReadable(optionsFor({})),
      createCassandraWritable({ ...ks.target, table: 'copy' }),
    )
    expect(byId(await read({ table: 'copy' }))).toEqual(Array.from({ length: ROWS }, (_, id) => rowOf(id)))
  })

  it('gives rows in their order to workers that share an iterator', async () => {
    const source = createCassandraReadable(optionsFor({ where: 'part = 7', fetch_size: 10 }))
    const iterator = source[Symbol.asyncIterator]()
    const ids: unknown[] = []
    let calls = 0
    const work = async () => {
      for (;;) {
        const call = calls++
        const { value, done } = await iterator.next()
        if (done) return
        ids[call] = value['id']
      }
    }
    await Promise.all([work(), work(), work()])
    expect(ids).toEqual(Array.from({ length: 400 }, (_, i) => 7 + 50 * i))
  })

  it('without rows gives no rows', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.nothing (id int PRIMARY KEY)`)
    expect(await read({ table: 'nothing' })).toEqual([])
  })

  it('with names that need quotes or have a meaning in JavaScript is read and written', async () => {
    const row = JSON.parse('{"User Id":1,"__proto__":"x","Age":3}') as object
    await write('UserList', [row])
    const [found = {}] = await read({ table: 'UserList' })
    expect(Object.entries(found).sort()).toEqual(Object.entries(row).sort())
    expect(await read({ table: 'UserList', columns: ['Age', 'User Id'] })).toEqual([{ Age: 3, 'User Id': 1 }])
  })
})

describe('a range', () => {
  it('contains the partitions above its start, up to and including its end', async () => {
    const settings = readSettingsOf(optionsFor({ fetch_size: 1000 }))
    const { host, port } = ks.target
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter: inject('cassandra').localDataCenter,
    })
    await client.connect()
    onTestFinished(() => client.shutdown())
    const { keyspace, table } = settings
    const { signal } = new AbortController()
    const schema = await readTable({ client, keyspace, table, timeout_ms: 10_000, signal })
    const reader = new RangeReader(client, settings, new ReadStatement(schema, settings), signal)
    const rowsIn = async (start: bigint, end: bigint) => {
      let count = 0
      for await (const { rows } of reader.pages({ start, end })) count += rows.length
      return count
    }
    const found = await ks.select(`SELECT token(part) AS at FROM ${ks.name}.people PER PARTITION LIMIT 1`)
    for (const row of found.slice(0, 5)) {
      const at = BigInt(String(row['at']))
      expect([await rowsIn(at - 1n, at), await rowsIn(at, at + 1n), await rowsIn(at - 2n, at - 1n)]).toEqual([
        400, 0, 0,
      ])
    }
  })
})

describe('where', () => {
  it('may name columns that are keywords of CQL', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.words (p int PRIMARY KEY, group text, per int)`)
    await write('words', [{ p: 1, group: 'a', per: 2 }])
    const where = "group = 'a' AND per = 2"
    expect(await read({ table: 'words', where, allow_filtering: true })).toEqual([
      { p: 1, group: 'a', per: 2 },
    ])
  })

  it('is applied to all ranges, with bound values', async () => {
    const rows = await read({ where: 'big > ?', params: [19_990n * 1_000_003n], allow_filtering: true })
    expect(byId(rows).map(({ id }) => id)).toEqual([
      19_991, 19_992, 19_993, 19_994, 19_995, 19_996, 19_997, 19_998, 19_999,
    ])
  })

  it('may be given by the name that PyCassandra has for it', async () => {
    const rows = await read({ filter: "name = 'name 17'", allow_filtering: 'true' })
    expect(rows).toEqual([rowOf(17)])
  })

  it('with a whole partition key reads that partition, in clustering order', async () => {
    const rows = await read({ where: 'part = ? AND id >= ?', params: ['7', 1000], fetch_size: 10 })
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 380 }, (_, i) => 1007 + 50 * i))
    const two = await read({ where: 'part IN ?', params: [[3, 7]], columns: 'part' })
    expect(new Set(two.map(({ part }) => part))).toEqual(new Set([3, 7]))
    expect(two.length).toBe(800)
  })

  it('may contain text that looks like other clauses', async () => {
    expect(await read({ where: "name = 'a OR b LIMIT 3; --'", allow_filtering: true })).toEqual([])
    expect(await read({ where: "name = $$it's LIMIT 3$$", allow_filtering: true })).toEqual([])
  })

  it.each([
    ['age > 3', 'where', /Cassandra refuses `where`: Undefined column name age/],
    ['part = ?', 'params', /a value for each of the 1 `\?` of `where`, got 0/],
    ["name = 'x'", 'where', /It can be read with the option `allow_filtering`/],
    ['id = 3 OR id = 4', 'where', /Cassandra refuses `where`: .*OR/],
    ['part = 3 LIMIT 5', 'where', /has LIMIT/],
    ['part = 3 GROUP BY part', 'where', /has GROUP/],
    ['part = 3; DROP TABLE x', 'where', /has `;`/],
    ['token(part) > 5', 'where', /names token\(\)/],
  ])('%s is refused before the first row, and the error names the option', async (where, option, message) => {
    await expect(read({ where })).rejects.toMatchObject({ option, message: expect.stringMatching(message) })
  })

  it('leads to an error that names the value of params that does not fit', async () => {
    const refused = { option: 'params', message: expect.stringContaining('parameter 0') }
    await expect(read({ where: 'part = ?', params: ['x'] })).rejects.toMatchObject(refused)
  })
})

describe('params', () => {
  it('are accepted in the forms of a sink, even if the server reports a type by the name of a class', async () => {
    await ks.client.execute(
      `CREATE TABLE ${ks.name}.odd (p int PRIMARY KEY, du duration, v vector<float, 2>)`,
    )
    await write('odd', [{ p: 1, du: '1d', v: [1, 2] }])
    for (const [where, param] of [
      ['du = ?', '1d'],
      ['v = ?', [1, 2]],
    ] as const) {
      const rows = await read({ table: 'odd', where, params: [param], allow_filtering: true })
      expect(rows).toEqual([{ p: 1, du: '1d', v: [1, 2] }])
    }
    const refused = { option: 'params', message: expect.stringContaining('parameter 0') }
    const wrong = { table: 'odd', where: 'v = ?', params: [[1]], allow_filtering: true }
    await expect(read(wrong)).rejects.toMatchObject(refused)
  })

  it('are read at the call, so later changes have no effect', async () => {
    const ids = [1, 2]
    const reading = read({ where: 'part = 1 AND id IN ?', params: [ids] })
    ids.push(51)
    expect((await reading).map(({ id }) => id)).toEqual([1])
  })
})

describe('a client of the caller', () => {
  it('reads everything else as before, even after a request that could not be written', async () => {
    const { host, port } = ks.target
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter: inject('cassandra').localDataCenter,
      encoding: { set: Set },
    })
    onTestFinished(() => client.shutdown())
    // Only when the driver writes the request does it notice that an object is no value of a custom type.
    const custom = "'org.apache.cassandra.db.marshal.LexicalUUIDType'"
    await ks.client.execute(`CREATE TABLE ${ks.name}.custom (p int PRIMARY KEY, x ${custom})`)
    const options = { client, keyspace: ks.name }
    const unwritable = { ...options, table: 'custom', where: 'x = ?', params: [{}], allow_filtering: true }
    const all = createCassandraReadable({ ...options, table: 'people' }).toArray()
    for (let i = 0; i < 10; i++) {
      await expect(createCassandraReadable(unwritable).toArray()).rejects.toBeInstanceOf(Error)
      const { rows } = await client.execute('SELECT key FROM system.local')
      expect(rows[0]?.['key']).toBe('local')
    }
    expect(await all).toHaveLength(ROWS)
    expect((await client.execute('SELECT key FROM system.local')).rows.length).toBe(1)
  })
})

describe('a partition of static columns alone', () => {
  it('is a row with these columns, which a sink accepts', async () => {
    const definition = '(p int, c int, s text static, v int, PRIMARY KEY (p, c))'
    for (const table of ['statics', 'statics_copy'])
      await ks.client.execute(`CREATE TABLE ${ks.name}.${table} ${definition}`)
    const rows = [
      { p: 1, s: 'alone' },
      { p: 2, c: 1, s: 'x', v: null },
    ]
    await write('statics', rows)
    const byP = (found: readonly Record<string, unknown>[]) =>
      found.toSorted((a, b) => Number(a['p']) - Number(b['p']))
    expect(byP(await read({ table: 'statics' }))).toEqual(rows)
    await pipeline(
      createCassandraReadable(optionsFor({ table: 'statics' })),
      createCassandraWritable({ ...ks.target, table: 'statics_copy' }),
    )
    expect(byP(await read({ table: 'statics_copy' }))).toEqual(rows)
  })
})

describe('a partition of static columns alone, whose static columns are not read', () => {
  it.each([{}, { after: null }])(
    'has no row with %j if clustering columns are read, so that a sink accepts all rows',
    async more => {
      const definition = 'p int, c int, s text static, v int, PRIMARY KEY (p, c)'
      const table = await ks.table(definition)
      const copy = await ks.table(definition)
      await write(table, [
        { p: 1, s: 'alone' },
        { p: 2, c: 1, s: 'x', v: 3 },
      ])
      const columns = ['p', 'c', 'v']
      await pipeline(
        createCassandraReadable(optionsFor({ ...more, table, columns })),
        createCassandraWritable({ ...ks.target, table: copy }),
      )
      expect(await read({ table: copy, columns })).toEqual([{ p: 2, c: 1, v: 3 }])
    },
  )
})

describe('a row whose clustering key has no bytes', () => {
  it('has its other columns, and a sink refuses its key', async () => {
    const definition = '(p int, c int, s text static, v int, PRIMARY KEY (p, c))'
    await ks.client.execute(`CREATE TABLE ${ks.name}.empty_key ${definition}`)
    const insert = `INSERT INTO ${ks.name}.empty_key (p, c, s, v) VALUES (1, ?, 'x', 2)`
    await ks.client.execute(insert, [Buffer.alloc(0)], { prepare: true })
    const rows = await read({ table: 'empty_key' })
    expect(rows).toEqual([{ p: 1, c: null, s: 'x', v: 2 }])
    await expect(write('empty_key', rows)).rejects.toMatchObject({ column: 'c' })
  })
})

describe('options', () => {
  it.each([
    [{ columns: ['Name'] }, 'columns', /has no `Name`. Did you mean `name`\?/],
    [{ fetchSize: 5 }, 'fetchSize', /did you mean `fetch_size`\?/],
    [{ table: 'nowhere' }, undefined, /nowhere/],
    [{ keyspace: 'nowhere' }, undefined, /nowhere/],
  ])('%j are refused before the first row', async (more, option, message) => {
    const expected = { message: expect.stringMatching(message), ...(option !== undefined && { option }) }
    await expect(read(more as object)).rejects.toMatchObject(expected)
  })
})

describe('a reader that is stopped', () => {
  it('before it is open reports no error', async () => {
    const source = createCassandraReadable(optionsFor({}))
    const events: string[] = []
    source.on('error', () => events.push('error')).on('close', () => events.push('close'))
    source.destroy()
    await vi.waitFor(() => expect(events).toEqual(['close']), { timeout: 10_000 })
  })

  it('leaves no listener on its signal, even if it could not open', async () => {
    const { signal } = new AbortController()
    for (const open of [createCassandraReadable, createCassandraReadableStream]) {
      const reading = (async () => {
        for await (const _ of open(optionsFor({ table: 'nowhere', signal })) as AsyncIterable<object>);
      })()
      await expect(reading).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
    }
    await vi.waitFor(() => expect(getEventListeners(signal, 'abort')).toEqual([]))
  })

  it('requests pages only while a slow consumer has room', async () => {
    const proxy = await CqlProxy.start({ host: ks.target.host, port: ks.target.port })
    onTestFinished(() => proxy.stop())
    proxy.decided = pagesOf
    const { host, port } = proxy
    const source = createCassandraReadable(optionsFor({ host, port, fetch_size: 100, concurrency: 2 }))
    const iterator = source[Symbol.asyncIterator]()
    await iterator.next()
    await delay(1000)
    expect(source.readableLength).toBeLessThanOrEqual(256)
    // Pages in the stream, pages that are ready, and one waiting page per lane.
    expect(proxy.writes).toBeLessThan(64 / 4)
    await iterator.return?.()
  })

  it('by a signal fails with the reason of the signal', async () => {
    const abort = new AbortController()
    const source = createCassandraReadable(optionsFor({ signal: abort.signal }))
    source.once('data', () => abort.abort())
    await expect(
      pipeline(source, async rows => {
        for await (const _ of rows);
      }),
    ).rejects.toThrow('abort')
  })
})

describe('faults', () => {
  /** A proxy that decides on requests for pages of the table. */
  async function proxied(decide: CqlProxy['decide']) {
    const proxy = await CqlProxy.start({ host: ks.target.host, port: ks.target.port })
    onTestFinished(() => proxy.stop())
    proxy.decided = pagesOf
    proxy.decide = decide
    return { host: proxy.host, port: proxy.port }
  }

  const error = (code: number, message = 'for a moment'): Fate => ({
    delivery: 'never',
    answer: { code, message },
  })

  /** Start and end token of a request without other values. They follow consistency, flags and the number of values. */
  const boundsOf = (frame: Frame) => {
    const values = parametersOf(frame).subarray(2 + 1 + 2)
    return { start: values.readBigInt64BE(4), end: values.readBigInt64BE(16) }
  }

  it.each<[string, Fate]>([
    ['Overloaded', error(0x1001)],
    ['Unavailable', error(0x1000)],
    ['Is_bootstrapping', error(0x1002)],
    ['Read_timeout', error(faultCodes.readTimeout)],
    ['Server_error', error(0x0000)],
    ['a lost connection', { delivery: 'never', answer: 'close' }],
    ['a lost answer', { answer: 'close' }],
  ])('%s during the read leaves each row once', async (_, fate) => {
    const target = await proxied(({ index }) => (index % 10 === 3 ? fate : undefined))
    const rows = byId(await read({ ...target, fetch_size: 500, splits: 10 }))
    expect(rows).toEqual(Array.from({ length: ROWS }, (_, id) => rowOf(id)))
  })

  it.each([
    ['Overloaded', 0x1001],
    ['Read_timeout', faultCodes.readTimeout],
  ])(
    'a burst of %s in answer to every request leaves no lasting trace in the size of requests',
    async (_, code) => {
      const ends = performance.now() + 2_000
      let requests = 0
      const tooMany = new AbortController()
      const target = await proxied(() => {
        if (performance.now() < ends) return error(code)
        if (++requests > 2_000) tooMany.abort()
        return undefined
      })
      const rows = byId(await read({ ...target, signal: tooMany.signal }))
      expect(rows).toEqual(Array.from({ length: ROWS }, (_, id) => rowOf(id)))
    },
  )

  it('that are few among many others are not counted together with them', async () => {
    const lost: Fate[] = Array.from({ length: 6 }, () => ({ delivery: 'never', answer: 'close' }))
    const waiting = [...lost, error(0x0000)]
    const target = await proxied(() => waiting.shift())
    expect((await read({ ...target, concurrency: 1 })).length).toBe(ROWS)
    expect(waiting).toEqual([])
  })

  it('such as missing answers make the reader split a range, and it reads each row once', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.many (id int PRIMARY KEY)`)
    const ids = Array.from({ length: 3000 }, (_, id) => ({ id }))
    await write('many', ids)
    const seen = new Set<string>()
    // For the first two requests of a range.
    const target = await proxied(({ frame }) => {
      const { start, end } = boundsOf(frame)
      const bounds = `${start} to ${end}`
      const key = seen.has(bounds) ? `${bounds} again` : bounds
      const isLost = !seen.has(key) && seen.size < 20
      seen.add(key)
      return isLost ? { delivery: 'never', answer: 'nothing' } : undefined
    })
    // The limit of a request is also that of one attempt to open, which takes longer on a busy machine.
    const limits = { request_timeout_ms: 300, wait_for_server_ms: 60_000 }
    const options = { ...target, ...limits, table: 'many', splits: 1, concurrency: 4 }
    expect(byId(await read(options))).toEqual(ids)
    expect(seen.size).toBeGreaterThan(15)
  })

  it('such as reads that always take too long end the read within the time limit of one range, however many parts it has', async () => {
    // As many requests as fit into the limit one after the other.
    const most = Math.ceil(2_000 / 150)
    const tooMany = new AbortController()
    const asked: string[] = []
    const target = await proxied(({ frame }) => {
      const { start, end } = boundsOf(frame)
      // A node of this server has the lowest token, so the first range has one token and cannot be halved.
      if (end - start === 1n) return undefined
      if (asked.push(`${start} to ${end}`) > most) tooMany.abort()
      return { ...error(faultCodes.readTimeout), delay_ms: 150 }
    })
    const limits = {
      concurrency: 1,
      request_timeout_ms: 1_000,
      retry_timeout_ms: 2_000,
      wait_for_server_ms: 60_000,
    }
    await expect(read({ ...target, ...limits, signal: tooMany.signal })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_READ_TIMEOUT',
    })
    // Two attempts at the range, and then at a half of it.
    expect(new Set(asked).size).toBeGreaterThan(1)
  })

  it('that do not stop lead to an error that names the range, after the time limit', async () => {
    const target = await proxied(() => error(0x1001, 'too much'))
    await expect(read({ ...target, retry_timeout_ms: 1_000 })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_READ_TIMEOUT',
      message: expect.stringMatching(
        /people, in the tokens above -?\d+ up to -?\d+, did not come .*: too much/,
      ),
    })
    await expect(read({ ...target, retry_timeout_ms: 1_000, where: 'part = 1' })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_READ_TIMEOUT',
      message: expect.stringContaining('people, in the partitions that `where` names, did not come '),
    })
  })

  it.each([
    [0x1300, 'ERR_CASSANDRA_READ', 'READ_TOO_MANY_TOMBSTONES'],
    [0x2100, 'ERR_CASSANDRA_UNAUTHORIZED', 'no SELECT permission'],
    [0x2200, 'ERR_CASSANDRA_CONSISTENCY', 'LOCAL_ONE is unsupported with Accord'],
    [0x2200, 'ERR_CASSANDRA_READ', 'something new'],
  ])('with code %i, which no retry can fix, end the read with %s', async (code, expected, words) => {
    const target = await proxied(() => error(code, words))
    await expect(read(target)).rejects.toMatchObject({
      code: expected,
      name: 'ReadError',
      message: expect.stringContaining(words),
    })
  })

  it.each([
    [0x2100, 'ERR_CASSANDRA_UNAUTHORIZED', 'no SELECT permission'],
    [0x2200, 'ERR_CASSANDRA_CONSISTENCY', 'LOCAL_ONE is unsupported with Accord'],
    [0x2200, 'ERR_CASSANDRA_OPTION', 'something new'],
    [0x2200, 'ERR_CASSANDRA_OPTION', 'Undefined column name city in table people'],
  ])('with code %i are blamed on `where` only if it may be at fault: %s', async (code, expected, words) => {
    const target = await proxied(() => error(code, words))
    await expect(read({ ...target, where: 'part = 1' })).rejects.toMatchObject({ code: expected })
  })

  it('that refuse the size of a page are blamed neither on `where` nor on the table', async () => {
    const text = 'Aborting query for table people, page size 128 exceeds fail threshold of 100.'
    const target = await proxied(({ frame }) =>
      (pageRowsOf(frame) ?? 0) > 100
        ? error(faultCodes.invalid, `Guardrail page_size violated: ${text}`)
        : undefined,
    )
    expect((await read({ ...target, splits: 1 })).length).toBe(ROWS)
    const ofOne = await read({ ...target, where: 'part = 1' })
    expect(ofOne.length).toBe(ROWS / 50)
    expect((await countRows({ ...ks.target, ...target, table: 'people', splits: 1 })).rows).toBe(ROWS)
  })

  it('such as missing replicas end the read at once if the keyspace has too few of them', async () => {
    const hasRetried = new AbortController()
    const subscriber = (message: unknown) => {
      if ((message as RetryMessage).keyspace === ks.name) hasRetried.abort()
    }
    subscribe('cassandra-streams:retry', subscriber)
    onTestFinished(() => void unsubscribe('cassandra-streams:retry', subscriber))
    const { signal } = hasRetried
    const unmet = {
      name: 'ReadError',
      code: 'ERR_CASSANDRA_CONSISTENCY',
      message:
        `Consistency TWO needs 2 replicas of each row, and keyspace \`${ks.name}\` has 1. ` +
        'Change the option `consistency` or the replication of the keyspace',
    }
    await expect(read({ consistency: 'TWO', signal })).rejects.toMatchObject(unmet)
    await expect(read({ consistency: 'TWO', signal, where: 'part = 1' })).rejects.toMatchObject(unmet)
    const counting = countRows({ ...ks.target, table: 'people', consistency: 'TWO', signal })
    await expect(counting).rejects.toMatchObject(unmet)
  })
})

describe('the opening of a reader', () => {
  it('asks again if a connection is lost or an answer is missing', async () => {
    const proxy = await CqlProxy.start({ host: ks.target.host, port: ks.target.port })
    onTestFinished(() => proxy.stop())
    proxy.decided = /^SELECT partitioner/
    const fates: Fate[] = [{ answer: 'close' }, { answer: 'nothing' }]
    proxy.decide = () => fates.shift()
    const rows = await read({ host: proxy.host, port: proxy.port })
    expect(rows.length).toBe(ROWS)
    expect(fates).toEqual([])
  })

  it('ends at once with its stream, although an answer is missing', async () => {
    const proxy = await CqlProxy.start({ host: ks.target.host, port: ks.target.port })
    onTestFinished(() => proxy.stop())
    const { host, port } = proxy
    const { localDataCenter } = inject('cassandra')
    const client = new Client({ contactPoints: [`${host}:${port}`], localDataCenter })
    await client.connect()
    onTestFinished(() => client.shutdown())
    const asked = new Promise<void>(resolve => {
      proxy.decided = /^SELECT partitioner/
      proxy.decide = () => {
        resolve()
        return { answer: 'nothing' }
      }
    })
    const { host: _host, port: _port, username: _name, password: _password, ...rest } = optionsFor({})
    const source = createCassandraReadable({ ...rest, client } as CassandraReadableOptions)
    await asked
    const from = performance.now()
    source.destroy()
    await new Promise(resolve => source.once('close', resolve))
    expect(performance.now() - from).toBeLessThan(1_000)
  })
})

describe('a table that changes while it is read', () => {
  it('is asked for again while a node does not know one of its columns, and not for ever', async () => {
    const { client } = ks
    const settings = readSettingsOf(optionsFor({}))
    const { keyspace, table } = settings
    const { signal } = new AbortController()
    const schema = await readTable({ client, keyspace, table, timeout_ms: 10_000, signal })
    class OfLaggingNode extends ReadStatement {
      looks = 0
      known = 3
      override layoutOf(page: Parameters<ReadStatement['layoutOf']>[0]) {
        if (this.looks++ < this.known) throw this.changed
        return super.layoutOf(page)
      }
    }
    const statement = new OfLaggingNode(schema, settings)
    const reader = new RangeReader(client, settings, statement, signal)
    const all = { start: -(2n ** 63n), end: 2n ** 63n - 1n }
    const countOf = async () => {
      let count = 0
      for await (const { rows } of reader.pages(all)) count += rows.length
      return count
    }
    expect(await countOf()).toBe(ROWS)
    statement.known = Number.POSITIVE_INFINITY
    await expect(countOf()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it.each([
    ['a', 'added'],
    ['zz', 'added'],
  ])('by a column %s that is %s is read on with the columns that it had', async name => {
    const table = await ks.table('id int PRIMARY KEY, b int, q text')
    const rows = Array.from({ length: 2000 }, (_, id) => ({ id, b: id, q: `q ${id}` }))
    await write(table, rows)
    const found: Record<string, unknown>[] = []
    const source = createCassandraReadable(optionsFor({ table, fetch_size: 50, splits: 4 }))
    for await (const row of source) {
      if (found.push(row) !== 100) continue
      await ks.client.execute(`ALTER TABLE ${ks.name}.${table} ADD ${name} int`)
      await write(
        table,
        rows.map(({ id }) => ({ id, [name]: 7 })),
      )
    }
    expect(byId(found)).toEqual(rows)
    expect(new Set(found.map(row => Object.keys(row).join())).size).toBe(1)
  })

  it('by a column that is dropped ends the read', async () => {
    const table = await ks.table('id int PRIMARY KEY, b int, q text')
    await write(
      table,
      Array.from({ length: 2000 }, (_, id) => ({ id, b: id, q: `q ${id}` })),
    )
    let seen = 0
    const reading = (async () => {
      for await (const _ of createCassandraReadable(optionsFor({ table, fetch_size: 50, splits: 4 })))
        if (++seen === 100) await ks.client.execute(`ALTER TABLE ${ks.name}.${table} DROP b`)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  })

  it('by being dropped ends the read soon', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.going (id int PRIMARY KEY)`)
    await write(
      'going',
      Array.from({ length: 3000 }, (_, id) => ({ id })),
    )
    let seen = 0
    const reading = (async () => {
      for await (const _ of createCassandraReadable(optionsFor({ table: 'going', fetch_size: 5 })))
        if (++seen === 300) await ks.client.execute(`DROP TABLE ${ks.name}.going`)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
  }, 30_000)

  it('by a column of another type ends the read, and no value is read as another one', async () => {
    const options = { table: 'changing', fetch_size: 100, splits: 1, concurrency: 1 }
    await ks.client.execute(`CREATE TABLE ${ks.name}.changing (id int PRIMARY KEY, v int)`)
    await write(
      'changing',
      Array.from({ length: 2000 }, (_, id) => ({ id, v: id })),
    )
    const source = createCassandraReadable(optionsFor(options))
    const rows: Record<string, unknown>[] = []
    const reading = (async () => {
      for await (const row of source) {
        rows.push(row)
        if (rows.length !== 300) continue
        await ks.client.execute(`DROP TABLE ${ks.name}.changing`)
        await ks.client.execute(`CREATE TABLE ${ks.name}.changing (id int PRIMARY KEY, v float)`)
        await ks.client.execute(`INSERT INTO ${ks.name}.changing (id, v) VALUES (1, 1.5)`)
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: expect.stringMatching(/SCHEMA_CHANGED|READ/) })
    expect(rows.every(({ id, v }) => id === v)).toBe(true)
  })

  it.each([{}, { with_times: true }])(
    'by another field of a type that is not frozen is read on with %j, until a row has a value for it',
    async more => {
      const type = `grown_${'with_times' in more ? 'timed' : 'plain'}`
      await ks.client.execute(`CREATE TYPE ${ks.name}.${type} (a int)`)
      const table = await ks.table(`id int PRIMARY KEY, v ${type}`)
      const rows = Array.from({ length: 1000 }, (_, id) => ({ id, v: { a: id } }))
      await write(table, rows)
      const options = { ...more, table, fetch_size: 50, splits: 1, concurrency: 1 }
      const valuesWhile = async (change: () => Promise<unknown>) => {
        const found: unknown[] = []
        for await (const { v } of createCassandraReadable(optionsFor(options))) {
          found.push(v)
          if (found.length === 100) await change()
        }
        return found
      }
      const found = await valuesWhile(() => ks.client.execute(`ALTER TYPE ${ks.name}.${type} ADD b text`))
      const texts = (values: readonly unknown[]) => values.map(value => JSON.stringify(value)).sort()
      expect(texts(found)).toEqual(texts(rows.map(({ v }) => v)))
      const another = valuesWhile(async () => {
        await ks.client.execute(`ALTER TYPE ${ks.name}.${type} ADD c text`)
        await write(
          table,
          rows.map(({ id, v }) => ({ id, v: { ...v, c: 'x' } })),
        )
      })
      await expect(another).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
    },
  )

  it('by another field of a user-defined type ends the read, because its value would be cut', async () => {
    await ks.client.execute(`CREATE TYPE ${ks.name}.pair (a int)`)
    await ks.client.execute(`CREATE TABLE ${ks.name}.pairs (id int PRIMARY KEY, v frozen<pair>)`)
    await write(
      'pairs',
      Array.from({ length: 1000 }, (_, id) => ({ id, v: { a: id } })),
    )
    const source = createCassandraReadable(
      optionsFor({ table: 'pairs', fetch_size: 50, splits: 1, concurrency: 1 }),
    )
    const seen: unknown[] = []
    const reading = (async () => {
      for await (const { v } of source) {
        seen.push(v)
        if (seen.length !== 100) continue
        await ks.client.execute(`ALTER TYPE ${ks.name}.pair ADD b text`)
        await write(
          'pairs',
          Array.from({ length: 1000 }, (_, id) => ({ id, v: { a: id, b: 'x' } })),
        )
      }
    })()
    await expect(reading).rejects.toMatchObject({ code: 'ERR_CASSANDRA_SCHEMA_CHANGED' })
    expect(seen.every(v => Object.keys(v as object).join() === 'a')).toBe(true)
  })
})
