import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type CassandraWritableOptions,
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
  type MicroBatchSinkOptions,
} from '../../lib/index.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { crash } from './crashedEpoch.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('operations_spec')
const checkpoints = useCheckpoints()

const definition =
  'p int, c int, st set<int> static, v int, w int, s set<int>, m map<text, int>, l list<int>, u pair, PRIMARY KEY (p, c)'

beforeAll(() => ks.client.execute(`CREATE TYPE ${ks.name}.pair (a int, b int)`))

const by = { operation_column: 'op' } as const

async function write(
  table: string,
  rows: readonly object[],
  more: Partial<CassandraWritableOptions> = {},
): Promise<void> {
  await pipeline(Readable.from(rows), createCassandraWritable({ ...ks.target, table, ...by, ...more }))
}

const contents = (table: string, columns = '*') => ks.select(`SELECT ${columns} FROM ${ks.name}.${table}`)

describe('a row that is updated', () => {
  it('is gone with its last cell, unlike a row that was inserted', async () => {
    const table = await ks.table(definition)
    await write(table, [
      { p: 1, c: 1, v: 1, op: 'insert' },
      { p: 1, c: 2, v: 1, op: 'update' },
    ])
    expect(await contents(table, 'c, v')).toEqual([
      { c: 1, v: 1 },
      { c: 2, v: 1 },
    ])
    await write(table, [
      { p: 1, c: 1, v: null, op: 'update' },
      { p: 1, c: 2, v: null, op: 'update' },
    ])
    expect(await contents(table, 'c, v')).toEqual([{ c: 1, v: null }])
  })

  it('without values changes nothing, alone and among others', async () => {
    const table = await ks.table(definition)
    await write(table, [{ p: 1, c: 1, op: 'update' }])
    expect(await contents(table)).toEqual([])
    await write(
      table,
      Array.from({ length: 20 }, (_, c) => ({
        p: 1,
        c,
        ...(c % 2 === 0 && { v: null, w: c }),
        op: 'update',
      })),
      { nulls: 'unset' },
    )
    expect(await contents(table, 'c, w')).toEqual(
      Array.from({ length: 10 }, (_, i) => ({ c: 2 * i, w: 2 * i })),
    )
  })

  it('keeps what it does not name, and replaces a collection that it names', async () => {
    const table = await ks.table(definition)
    await write(table, [
      { p: 1, c: 1, v: 1, w: 2, s: [1], m: { a: 1 }, u: { a: 1, b: 2 }, l: [1], op: 'insert' },
      { p: 1, c: 1, v: 3, s: [2], m: { b: 2 }, u: { b: 3 }, l: [2], op: 'update' },
    ])
    expect(await contents(table, 'v, w, s, m, u, l')).toEqual([
      { v: 3, w: 2, s: [2], m: { b: 2 }, u: { a: null, b: 3 }, l: [2] },
    ])
  })

  it('in a table with only static columns needs only the partition key, and is refused with a clustering key', async () => {
    const table = await ks.table('p int, c int, s int static, PRIMARY KEY (p, c)')
    await write(table, [{ p: 1, s: 2, op: 'update' }])
    expect(await contents(table)).toEqual([{ p: 1, c: null, s: 2 }])
    await expect(write(table, [{ p: 1, c: 1, s: 3, op: 'update' }])).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_ROW_REFUSED',
      row_index: 0,
      message: expect.stringContaining('modifies only static columns'),
    })
  })

  it('has the time to live and the write time from its properties', async () => {
    const table = await ks.table(definition)
    const times = { timestamp_column: 'at', ttl_column: 'keep', allow_any_timestamp: true } as const
    const rows = Array.from({ length: 12 }, (_, c) => ({
      p: 1,
      c,
      v: c,
      op: 'update',
      at: 1000 + c,
      keep: 500,
    }))
    await write(table, [...rows, { p: 1, st: [4], op: 'update', at: 77, keep: 0 }], times)
    const found = await contents(table, 'v, writetime(v) AS at, ttl(v) AS keep, writetime(st) AS st')
    expect(found.map(({ v, at }) => [v, Number(at)])).toEqual(rows.map(({ v, at }) => [v, at]))
    expect(found.every(({ keep }) => Number(keep) > 0 && Number(keep) <= 500)).toBe(true)
    expect(String(found[0]?.['st'])).toBe('77')
  })
})

describe('a row that is appended', () => {
  it('adds to sets and maps, sets fields one by one, and replaces the rest', async () => {
    const table = await ks.table(definition)
    await write(table, [
      { p: 1, c: 1, v: 1, s: [1], m: { a: 1, z: 1 }, u: { a: 1, b: 2 }, l: [1], st: [1], op: 'insert' },
      { p: 1, c: 1, v: 3, s: [2], m: { b: 2, z: 9 }, u: { b: 3 }, l: [2], st: [2], op: 'append' },
      { p: 1, st: [3], op: 'append' },
      { p: 1, c: 1, s: null, m: null, st: null, u: null, op: 'append' },
    ])
    expect(await contents(table, 'v, s, m, u, l, st')).toEqual([
      { v: 3, s: [1, 2], m: { a: 1, b: 2, z: 9 }, u: { a: 1, b: 3 }, l: [2], st: [1, 2, 3] },
    ])
  })
})

describe('rows of all operations in one stream', () => {
  /** Four operations per key, one after the other. */
  const rows = Array.from({ length: 400 }, (_, i) => {
    const c = Math.floor(i / 4)
    const row = { p: c % 5, c }
    return [
      { ...row, v: 1, s: [1], op: 'insert' },
      { ...row, w: 2, op: 'update' },
      { ...row, s: [2], op: 'append' },
      { ...row, op: c % 2 === 0 ? 'delete' : 'update' },
    ][i % 4] as object
  })

  async function check(table: string): Promise<void> {
    const found = await contents(table, 'c, v, w, s')
    expect(found.toSorted((a, b) => Number(a['c']) - Number(b['c']))).toEqual(
      Array.from({ length: 50 }, (_, i) => ({ c: 2 * i + 1, v: 1, w: 2, s: [1, 2] })),
    )
  }

  it('are applied in the order in which they came', async () => {
    const table = await ks.table(definition)
    await write(table, rows)
    await check(table)
  })

  it('are applied by a WritableStream', async () => {
    const table = await ks.table(definition)
    const stream = createCassandraWritableStream({ ...ks.target, table, ...by })
    await (Readable.toWeb(Readable.from(rows)) as ReadableStream<object>).pipeTo(stream)
    await check(table)
  })

  it('are applied once by epochs, with a replay after a crash', async () => {
    const table = await ks.table(definition)
    const checkpoint_location = checkpoints.location()
    const options: MicroBatchSinkOptions = {
      client: ks.client,
      keyspace: ks.name,
      table,
      checkpoint_location,
      ...by,
    }
    await crash(ks, options, rows, request => request % 2 === 0)
    const renamed = rows.map(row => ('op' in row && row.op === 'append' ? { ...row, op: 'update' } : row))
    {
      await using sink = createMicroBatchSink(options)
      await expect(sink.writeEpoch(0, renamed)).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_REPLAY_DIFFERS',
      })
    }
    await using sink = createMicroBatchSink(options)
    await sink.writeEpoch(0, rows)
    await check(table)
  })
})

describe('a table that changes', () => {
  it('by a dropped column still accepts updates without a value for it', async () => {
    const table = await ks.table(definition)
    const sink = createCassandraWritable({ ...ks.target, table, ...by, ttl: 5000, rows_per_batch: 1 })
    const written = async (row: object) =>
      await new Promise<void>((resolve, reject) =>
        sink.write(row, error => (error ? reject(error) : resolve())),
      )
    await written({ p: 1, c: 1, v: 1, op: 'update' })
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} DROP m`)
    await ks.client.execute(`ALTER TYPE ${ks.name}.pair ADD z int`)
    for (let c = 2; c < 10; c++)
      await written({ p: 1, c, v: c, u: { b: c }, op: c % 2 === 0 ? 'update' : 'append' })
    await written({ p: 1, c: 10, u: { z: 1 }, op: 'append' })
    sink.end()
    await new Promise((resolve, reject) => sink.on('error', reject).on('close', resolve))
    const found = await contents(table, 'c, v, ttl(v) AS keep')
    expect(found.map(({ c, v }) => [c, v])).toEqual([
      ...Array.from({ length: 9 }, (_, i) => [i + 1, i + 1]),
      [10, null],
    ])
    expect(found.slice(0, 9).every(({ keep }) => Number(keep) > 4000)).toBe(true)
  })
})

describe('operation_column', () => {
  it('cannot be a key column of the table', async () => {
    const table = await ks.table('op int PRIMARY KEY, v int')
    await expect(write(table, [{ op: 1 }])).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: 'operation_column',
    })
  })

  it('with a wrong value sets the row aside, and the others are stored', async () => {
    const table = await ks.table(definition)
    const bad: unknown[] = []
    await write(
      table,
      [
        { p: 1, c: 1, v: 1, op: 'insert' },
        { p: 1, c: 2, v: 1, op: 'upsert' },
        { p: 1, c: 3, v: 1, op: 'update' },
      ],
      { on_bad_row: (error, row) => void bad.push([error.code, row]) },
    )
    expect(bad).toEqual([['ERR_CASSANDRA_VALUE', { p: 1, c: 2, v: 1, op: 'upsert' }]])
    expect(await contents(table, 'c')).toEqual([{ c: 1 }, { c: 3 }])
  })
})
