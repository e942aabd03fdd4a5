import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type CassandraReadableOptions,
  createCassandraReadable,
  createCassandraReadableStream,
  createCassandraWritable,
  createMicroBatchSink,
} from '../../lib/index.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('read_positions_spec')
const checkpoints = useCheckpoints()

/** Partitions of many sizes. There are clustering columns of three types, one of them in descending order. */
const PARTITIONS = 300
const rowOf = (a: number, c: number) => ({
  a,
  b: `part ${a}`,
  at: new Date(1_700_000_000_000 + (c % 7) * 1000),
  name: `${'x'.repeat(c % 3)}${c}`,
  n: BigInt(c) - 5n,
  value: `value ${a} ${c}`,
})
const all = Array.from({ length: PARTITIONS }, (_, a) =>
  Array.from({ length: a === 17 ? 2000 : a % 9 }, (_, c) => rowOf(a, c)),
).flat()

beforeAll(async () => {
  await ks.client.execute(
    `CREATE TABLE ${ks.name}.wide (a int, b text, at timestamp, name text, n bigint, value text, s text static,
       PRIMARY KEY ((a, b), at, name, n)) WITH CLUSTERING ORDER BY (at ASC, name DESC, n ASC)`,
  )
  await pipeline(Readable.from(all), createCassandraWritable({ ...ks.target, table: 'wide' }))
  const statics = [0, 9, 18].map(a => ({ a, b: `part ${a}`, s: 'alone' }))
  await pipeline(Readable.from(statics), createCassandraWritable({ ...ks.target, table: 'wide' }))
}, 120_000)

const ROWS = all.length + 3

const optionsFor = (more: Partial<CassandraReadableOptions>): CassandraReadableOptions => ({
  ...ks.target,
  table: 'wide',
  after: null,
  ...more,
})

type Found = Record<string, unknown>

const read = (more: Partial<CassandraReadableOptions> = {}): Promise<Found[]> =>
  createCassandraReadable(optionsFor(more)).toArray()

/** The primary key of a row as text. */
const keyOf = ({ a, at, name, n }: Found) => [a, at instanceof Date ? at.getTime() : at, name, n].join('/')

describe('a reader with positions', () => {
  it.each([
    {},
    { splits: 1, concurrency: 1 },
    { splits: 1, concurrency: 16, fetch_size: 7 },
    { splits: 1000 },
    { fetch_size: 50, concurrency: 2 },
  ])('emits each row once, in the order of the ring, with %j', async options => {
    const found = await read(options)
    const inOrder = await ks.select(`SELECT a, at, name, n FROM ${ks.name}.wide`)
    expect(inOrder.length).toBe(ROWS)
    expect(found.map(keyOf)).toEqual(inOrder.map(keyOf))
  })

  it('continues after any row', async () => {
    const seed = integerBelow(2 ** 31, Math.random)
    const random = randomFrom(seed)
    const source = createCassandraReadable(optionsFor({}))
    const rows = await source.toArray()
    // A transform may have copied the row, and a checkpoint has the position as text.
    const positions = rows.map(row => JSON.parse(JSON.stringify(source.positionOf({ ...row, more: 1 }))))
    const chosen = [0, 1, ROWS - 1, ...Array.from({ length: 25 }, () => integerBelow(ROWS, random))]
    for (const at of chosen) {
      const options = {
        after: positions[at],
        splits: 1 + integerBelow(200, random),
        fetch_size: 1 + integerBelow(3000, random),
      }
      const found = await read(options)
      expect(found.map(keyOf), `seed ${seed}, row ${at}`).toEqual(rows.slice(at + 1).map(keyOf))
    }
  })

  it('continues after a row that was deleted, and misses no other row', async () => {
    const { table, rows } = await copied('gone')
    const source = createCassandraReadable(optionsFor({ table }))
    const given: Found[] = []
    for await (const row of source) if (given.push(row) === ROWS - 1200) break
    const last = given.at(-1) as Found
    // The last emitted row, one before it and one after it.
    const behind = rows[given.length] as Found
    for (const row of [last, given.at(-2) as Found, behind]) await remove(table, row)
    const found = await read({ table, after: source.positionOf(last) })
    expect(found.map(keyOf)).toEqual(rows.slice(given.length + 1).map(keyOf))
  })

  it('continues if `where` names partitions, also as a ReadableStream', async () => {
    const where = "a IN (26, 5, 17, 8) AND b IN ('part 26', 'part 5', 'part 17', 'part 8')"
    const source = createCassandraReadable(optionsFor({ where, fetch_size: 100 }))
    const rows = await source.toArray()
    expect(rows.length).toBe(2000 + 8 + 5 + 8)
    for (const at of [0, 6, 900, 2010]) {
      const after = source.positionOf(rows[at] as Found)
      const rest: Found[] = []
      const stream = createCassandraReadableStream(optionsFor({ where, after }))
      const reader = stream.getReader()
      for (let next = await reader.read(); !next.done; next = await reader.read()) rest.push(next.value)
      expect(rest.map(keyOf)).toEqual(rows.slice(at + 1).map(keyOf))
      expect(stream.positionOf(rest.at(-1) as Found)).toEqual(source.positionOf(rows.at(-1) as Found))
    }
  })

  it('continues within its shard, in the order of the ring, and refuses the positions of other shards', async () => {
    const inOrder = (await read()).map(keyOf)
    const shards = ['0/3', '1/3', '2/3', undefined]
    const found: string[] = []
    for (const shard of shards) {
      const source = createCassandraReadable(optionsFor({ shard }))
      const rows = await source.toArray()
      found.push(...rows.map(keyOf))
      for (const at of [0, rows.length >> 1, rows.length - 1]) {
        const after = source.positionOf(rows[at] as Found)
        const rest = await read({ shard, after })
        expect(rest.map(keyOf)).toEqual(rows.slice(at + 1).map(keyOf))
        for (const other of [...shards, '0/4'].filter(each => each !== shard)) {
          await expect(read({ shard: other, after })).rejects.toMatchObject({ option: 'after' })
        }
      }
    }
    expect(found).toEqual([...inOrder, ...inOrder])
  })

  it('refuses a shard if `where` names partitions', async () => {
    const refused = { option: 'shard', code: 'ERR_CASSANDRA_OPTION' }
    await expect(read({ shard: '0/2', where: "a = 17 AND b = 'part 17'" })).rejects.toMatchObject(refused)
    expect((await read({ shard: '0/1', where: 'a = 17', allow_filtering: true })).length).toBe(2000)
  })

  it.each([
    'position',
    {},
    { token: '1', key: '' },
    { token: '99999999999999999999', key: 'AAAA' },
    { token: '1', key: 'AAAABAAAAAA', from: null, to: '1' },
  ])('refuses %j as a position', async after => {
    await expect(read({ after })).rejects.toMatchObject({ option: 'after', code: 'ERR_CASSANDRA_OPTION' })
  })

  it('has no position for rows of other streams, and none without the option', async () => {
    const source = createCassandraReadable(optionsFor({ after: undefined, splits: 4 }))
    const [row = {}] = await source.take(1).toArray()
    for (const other of [row, {}]) {
      expect(() => source.positionOf(other)).toThrow(
        expect.objectContaining({ code: 'ERR_CASSANDRA_POSITION' }),
      )
    }
    await expect(source.acknowledge({})).rejects.toMatchObject({ code: 'ERR_CASSANDRA_POSITION' })
  })
})

describe('a checkpoint of a reader', () => {
  /** Reads some rows, acknowledges the position of one of them, and stops. */
  async function run(
    location: string,
    rows: number,
    acknowledged: number | undefined,
    more = {},
  ): Promise<Found[]> {
    const options = optionsFor({ after: undefined, checkpoint_location: location, ...more })
    const source = createCassandraReadable(options)
    const found: Found[] = []
    for await (const row of source) {
      found.push(row)
      if (found.length === acknowledged) await source.acknowledge(source.positionOf(row))
      if (found.length === rows) break
    }
    return found
  }

  it('makes the next run continue after the acknowledged position, to the end', async () => {
    const rows = await read()
    const location = checkpoints.location()
    expect((await run(location, 500, undefined)).length).toBe(500)
    expect((await run(location, 500, 400)).map(keyOf)).toEqual(rows.slice(0, 500).map(keyOf))
    expect((await run(location, 300, 100)).map(keyOf)).toEqual(rows.slice(400, 700).map(keyOf))
    const rest = await run(location, ROWS, ROWS - 500)
    expect(rest.map(keyOf)).toEqual(rows.slice(500).map(keyOf))
    expect(await run(location, 1, undefined)).toEqual([])
  })

  it('keeps the newest of many positions', async () => {
    const location = checkpoints.location()
    const source = createCassandraReadable(optionsFor({ after: undefined, checkpoint_location: location }))
    const kept: Promise<void>[] = []
    const found: Found[] = []
    for await (const row of source) {
      found.push(row)
      kept.push(source.acknowledge(source.positionOf(row)))
      if (found.length === 1000) break
    }
    await Promise.all(kept)
    const rest = await run(location, 3, undefined)
    expect(rest.map(keyOf)).toEqual((await read()).slice(1000, 1003).map(keyOf))
  })

  it('is refused for other rows, for that of a sink, and for a second reader', async () => {
    const location = checkpoints.location()
    await run(location, 2, 1)
    const other = { where: 's = ?', params: ['x'], allow_filtering: true }
    const refused = (code: string) => ({ code: `ERR_CASSANDRA_CHECKPOINT_${code}` })
    await expect(run(location, 2, 1, other)).rejects.toMatchObject(refused('TARGET'))
    await expect(run(location, 2, 1, { shard: '0/2' })).rejects.toMatchObject(refused('TARGET'))
    const sink = createMicroBatchSink({ ...ks.target, table: 'wide', checkpoint_location: location })
    await expect(sink.open()).rejects.toMatchObject(refused('TARGET'))
    const owner = createCassandraReadable(optionsFor({ after: undefined, checkpoint_location: location }))
    await new Promise(resolve => owner.once('readable', resolve))
    await expect(run(location, 2, 1)).rejects.toMatchObject(refused('LOCKED'))
    owner.destroy()
  })

  it('that was taken over ends the reader, even if nobody awaits acknowledge()', async () => {
    const location = checkpoints.location()
    const options = optionsFor({ after: undefined, checkpoint_location: location, fetch_size: 10 })
    const source = createCassandraReadable(options)
    const reading = (async () => {
      for await (const row of source) {
        void source.acknowledge(source.positionOf(row))
        await delay(5)
      }
    })()
    const failed = expect(reading).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' })
    await new Promise(resolve => source.once('readable', resolve))
    const other = createCassandraReadable({ ...options, take_over: true })
    await new Promise(resolve => other.once('readable', resolve))
    await failed
    other.destroy()
  })

  it('stays with a ReadableStream until its last row was read', async () => {
    const location = checkpoints.location()
    const options = optionsFor({ after: undefined, checkpoint_location: location })
    const source = createCassandraReadableStream<Found>(options)
    const reader = source.getReader()
    for (let i = 0; i < ROWS - 10; i++) await reader.read()
    await delay(300)
    await expect(run(location, 1, undefined)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED',
    })
    for (let { value } = await reader.read(); value !== undefined; { value } = await reader.read())
      await source.acknowledge(source.positionOf(value))
    await reader.closed
    expect(await run(location, 1, undefined)).toEqual([])
  })

  it('is released when a loop is left early', async () => {
    const location = checkpoints.location()
    for (let i = 0; i < 10; i++) {
      const source = createCassandraReadable(optionsFor({ after: undefined, checkpoint_location: location }))
      for await (const row of source) {
        void source.acknowledge(source.positionOf(row))
        break
      }
    }
    expect((await run(location, 1, undefined)).map(keyOf)).toEqual((await read()).slice(10, 11).map(keyOf))
  })

  it('cannot be combined with `after`', () => {
    const both = optionsFor({ checkpoint_location: checkpoints.location() })
    expect(() => createCassandraReadable(both)).toThrow(/`after` to be absent beside `checkpoint_location`/)
  })
})

/** Copies the rows into a new table. Returns them in the order of the ring. */
async function copied(table: string): Promise<{ readonly table: string; readonly rows: Found[] }> {
  await ks.client.execute(
    `CREATE TABLE ${ks.name}.${table} (a int, b text, at timestamp, name text, n bigint, value text, s text static,
       PRIMARY KEY ((a, b), at, name, n)) WITH CLUSTERING ORDER BY (at ASC, name DESC, n ASC)`,
  )
  await pipeline(createCassandraReadable(optionsFor({})), createCassandraWritable({ ...ks.target, table }))
  return { table, rows: await read({ table }) }
}

async function remove(table: string, { a, b, at, name, n }: Found): Promise<void> {
  const isStatic = at === undefined
  const key = isStatic ? { a, b } : { a, b, at, name, n }
  const conditions = Object.keys(key).map(column => `${column} = ?`)
  const cql = `DELETE FROM ${ks.name}.${table} WHERE ${conditions.join(' AND ')}`
  await ks.client.execute(
    cql,
    Object.values(key).map(value => (typeof value === 'bigint' ? String(value) : value)),
    {
      prepare: true,
    },
  )
}
