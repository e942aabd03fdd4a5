import { randomUUID } from 'node:crypto'
import * as stream from 'node:stream'
import { type Duplex, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('write_spec')

/** Node 20 and newer have it, but the types do not. */
const { compose } = stream as typeof stream & { compose(...streams: unknown[]): Duplex }

describe('writing to a real Cassandra', () => {
  it('stores exactly the 100,000 rows that were written', async () => {
    const table = await ks.table('p int, c int, id uuid, name text, amount double, PRIMARY KEY (p, c)')
    const rows = Array.from({ length: 100_000 }, (_, i) => ({
      p: i % 1000,
      c: i,
      id: randomUUID(),
      name: `row ${i} ✓`,
      amount: i / 3,
    }))
    const sink = createCassandraWritable({ ...ks.target, table })
    await pipeline(Readable.from(rows), sink)

    expect(sink.stats).toMatchObject({ rows_accepted: 100_000, rows_written: 100_000, rows_failed: 0 })
    const found = await ks.select(`SELECT * FROM ${ks.name}.${table}`)
    expect(found.length).toBe(100_000)
    found.sort((a, b) => Number(a['c']) - Number(b['c']))
    for (const [i, { id, ...rest }] of found.entries()) {
      const expected = rows[i]
      if (
        String(id) !== expected?.id ||
        rest['name'] !== expected.name ||
        rest['amount'] !== expected.amount
      ) {
        expect({ ...rest, id: String(id) }).toEqual(expected)
      }
    }
  })

  it('writes to a table whose names need quotes', async () => {
    await ks.client.execute(
      `CREATE TABLE ${ks.name}."SELECT" ("Order" int, "group by" text, "a""b" int, PRIMARY KEY ("Order", "group by"))`,
    )
    const sink = createCassandraWritable({ ...ks.target, table: 'SELECT' })
    sink.end({ Order: 1, 'group by': 'x', 'a"b': 2 })
    await new Promise((resolve, reject) => sink.on('finish', resolve).on('error', reject))
    expect(await ks.select(`SELECT * FROM ${ks.name}."SELECT"`)).toEqual([
      { Order: 1, 'group by': 'x', 'a"b': 2 },
    ])
  })

  it('stores null as null and leaves a missing column alone', async () => {
    const table = await ks.table('id int PRIMARY KEY, a text, b text')
    const options = { ...ks.target, table }
    await pipeline(Readable.from([{ id: 1, a: 'a', b: 'b' }]), createCassandraWritable(options))
    await pipeline(
      Readable.from([
        { id: 1, a: null },
        { id: 1, b: undefined },
      ]),
      createCassandraWritable(options),
    )
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ id: 1, a: null, b: 'b' }])
  })

  it("leaves the column alone for null when nulls is 'unset'", async () => {
    const table = await ks.table('id int PRIMARY KEY, a text')
    await pipeline(Readable.from([{ id: 1, a: 'a' }]), createCassandraWritable({ ...ks.target, table }))
    await pipeline(
      Readable.from([{ id: 1, a: null }]),
      createCassandraWritable({ ...ks.target, table, nulls: 'unset' }),
    )
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ id: 1, a: 'a' }])
  })

  it('keeps the row that arrived last when one key comes many times at any concurrency', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i % 7, v: i }))
    await pipeline(
      Readable.from(rows),
      createCassandraWritable({ ...ks.target, table, concurrency: 200, rows_per_batch: 64 }),
    )
    const found = await ks.select(`SELECT id, v FROM ${ks.name}.${table}`)
    expect(new Map(found.map(({ id, v }) => [id, v]))).toEqual(
      new Map(rows.slice(-7).map(({ id, v }) => [id, v])),
    )
  })

  it('keeps the order of two sinks that write to one table in turns', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sinks = [0, 1].map(() => createCassandraWritable({ ...ks.target, table, flush_interval_ms: 0 }))
    const done = sinks.map(
      sink => new Promise((resolve, reject) => sink.on('finish', resolve).on('error', reject)),
    )
    await Promise.all(
      sinks.map(sink => new Promise<void>(resolve => sink.write({ id: 0, v: -1 }, () => resolve()))),
    )
    for (let v = 0; v < 999; v++) sinks[v % 2]?.write({ id: 1, v })
    for (const sink of sinks) sink.end()
    await Promise.all(done)
    const [row] = await ks.select(`SELECT v, writetime(v) AS w FROM ${ks.name}.${table} WHERE id = 1`)
    expect([997, 998]).toContain(row?.['v'])
  })

  it('writes a static column without a clustering key', async () => {
    const table = await ks.table('p int, c int, s text static, v text, PRIMARY KEY (p, c)')
    await pipeline(
      Readable.from([
        { p: 1, s: 'shared' },
        { p: 1, c: 1, v: 'one' },
        { p: 2, s: 'alone' },
      ]),
      createCassandraWritable({ ...ks.target, table }),
    )
    const found = await ks.select(`SELECT * FROM ${ks.name}.${table}`)
    expect(found).toContainEqual({ p: 1, c: 1, s: 'shared', v: 'one' })
    expect(found).toContainEqual({ p: 2, c: null, s: 'alone', v: null })
    expect(found.length).toBe(2)
  })

  it('works after compose and a Transform', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const numbers = Readable.from([1, 2, 3])
    const toRow = new Transform({
      objectMode: true,
      transform: (id: number, _encoding, done) => done(null, { id, v: String(id) }),
    })
    const composed = compose(toRow, createCassandraWritable({ ...ks.target, table }))
    await pipeline(numbers, composed)
    expect((await ks.select(`SELECT * FROM ${ks.name}.${table}`)).length).toBe(3)
  })

  it('borrows a client, uses it and leaves it open', async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({ client: ks.client, keyspace: ks.name, table })
    await pipeline(Readable.from([{ id: 1 }]), sink)
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ id: 1 }])
  })
})

describe('deleting by flag', () => {
  const flags = { delete_flag_column: 'op', delete_flag_value: 'delete' }

  it('deletes the flagged rows and writes the others without the flag', async () => {
    const table = await ks.table('p int, c text, v int, PRIMARY KEY (p, c)')
    const sink = createCassandraWritable({ ...ks.target, table, ...flags })
    await pipeline(
      Readable.from([
        { p: 1, c: 'a', v: 1, op: 'insert' },
        { p: 1, c: 'b', v: 2, op: null },
        { p: 1, c: 'a', op: 'DELETE' },
      ]),
      sink,
    )
    expect(await ks.select(`SELECT * FROM ${ks.name}.${table}`)).toEqual([{ p: 1, c: 'b', v: 2 }])
    expect(sink.stats).toMatchObject({ rows_written: 2, rows_deleted: 1 })
  })

  it('applies inserts and deletes of one key in the order in which they arrived, within one buffer', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const rows = []
    for (let id = 0; id < 500; id++) {
      rows.push({ id, v: 1, op: '' }, { id, op: 'delete' })
      if (id % 2 === 0) rows.push({ id, v: 2, op: '' })
    }
    await pipeline(
      Readable.from(rows),
      createCassandraWritable({ ...ks.target, table, ...flags, rows_per_batch: 2000 }),
    )
    const found = await ks.select(`SELECT * FROM ${ks.name}.${table}`)
    expect(found.length).toBe(250)
    expect(found.every(({ id, v }) => Number(id) % 2 === 0 && v === 2)).toBe(true)
  })
})
