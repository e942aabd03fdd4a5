import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'cassandra-driver'
import { describe, expect, it, vi } from 'vitest'
import { createMicroBatchSink, type MicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import { stateIn } from '../crash/checkpointState.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('schema_change_replay_spec')
const checkpoints = useCheckpoints()

type Options = MicroBatchSinkOptions & { readonly table: string }
const ddl = (cql: string) => ks.client.execute(cql.replaceAll('ks.', `${ks.name}.`))

async function optionsFor(definition: string, more: Partial<MicroBatchSinkOptions> = {}): Promise<Options> {
  const table = await ks.table(definition)
  return { client: ks.client, keyspace: ks.name, table, checkpoint_location: checkpoints.location(), ...more }
}

/**
 * Writes the rows as the next epoch and crashes when every other request has arrived and none is acknowledged.
 * @param live writes epochs before
 */
async function crash(
  options: Options,
  rows: readonly object[],
  live: (sink: MicroBatchSink) => Promise<void> = async () => {},
): Promise<void> {
  let isLiving = true
  let requests = 0
  let seen: (() => void) | undefined
  const sent = new Promise<void>(resolve => {
    seen = resolve
  })
  const execute = async (cql: string, binds: unknown[], how: object) => {
    if (isLiving || /^(?:SELECT|DESCRIBE) /.test(cql)) return ks.client.execute(cql, binds, how)
    if (requests++ % 2 === 0) await ks.client.execute(cql, binds, how)
    seen?.()
    return new Promise(() => {})
  }
  const client = Object.create(ks.client, { execute: { value: execute } }) as Client
  const sink = createMicroBatchSink({ ...options, client, batch_by: 'none' })
  await live(sink)
  isLiving = false
  const epoch_id = ((await sink.open())?.epoch_id ?? -1) + 1
  const epoch = sink.writeEpoch(epoch_id, rows)
  await sent
  sink.destroy()
  await expect(epoch).rejects.toThrow()
  expect(stateIn(options.checkpoint_location).sealed).toMatchObject({ epoch_id, rows: rows.length })
}

async function replay(options: Options, rows: readonly object[], epoch_id = 0) {
  await using sink = createMicroBatchSink(options)
  return await sink.writeEpoch(epoch_id, rows)
}

async function contents(table: string, columns = '*') {
  const rows = await ks.select(`SELECT ${columns} FROM ${ks.name}.${table}`)
  return rows.sort((a, b) => Number(a['id']) - Number(b['id']))
}

const rowsOf = (count: number) => Array.from({ length: count }, (_, id) => ({ id, v: `v${id}` }))

describe('a replay after a change without harm', () => {
  it.each([
    [7_200, 3_600],
    [3_600, 0],
    [0, 3_600],
  ])(
    'gives rows the time to live of the first attempt when that of the table changes from %i to %i',
    async (first, then) => {
      const options = await optionsFor('id int PRIMARY KEY, v text')
      const setTtl = (seconds: number) =>
        ddl(`ALTER TABLE ks.${options.table} WITH default_time_to_live = ${seconds}`)
      await setTtl(first)
      await crash(options, rowsOf(4))
      await setTtl(then)
      expect(await replay(options, rowsOf(4))).toMatchObject({ replayed: true })
      const found = await contents(options.table, 'id, TTL(v) AS left')
      for (const { left } of found) {
        if (first === 0) expect(left).toBeNull()
        else expect(Number(left) > first - 600 && Number(left) <= first).toBe(true)
      }
      expect(found).toHaveLength(4)
    },
  )

  it('gives only the rows of that epoch the earlier time to live, also with write()', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: 3 })
    await ddl(`ALTER TABLE ks.${options.table} WITH default_time_to_live = 7200`)
    await crash(options, rowsOf(3))
    await ddl(`ALTER TABLE ks.${options.table} WITH default_time_to_live = 3600`)
    await pipeline(Readable.from(rowsOf(6)), createMicroBatchSink(options))
    const left = (await contents(options.table, 'id, TTL(v) AS left')).map(row => Number(row['left']))
    expect(left.map(seconds => seconds > 3_600)).toEqual([true, true, true, false, false, false])
  })

  it('repeats the time to live that the table got while the sink was open', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    const setTtl = (seconds: number) =>
      ddl(`ALTER TABLE ks.${options.table} WITH default_time_to_live = ${seconds}`)
    await crash(options, rowsOf(4), async sink => {
      await sink.writeEpoch(0, [{ id: 9, v: 'forever' }])
      await setTtl(7_200)
      await sink.writeEpoch(1, [])
    })
    await setTtl(3_600)
    expect(await replay(options, rowsOf(4), 2)).toMatchObject({ replayed: true })
    const found = await contents(options.table, 'id, TTL(v) AS left')
    expect(found.pop()).toMatchObject({ id: 9, left: null })
    expect(found.map(({ left }) => Number(left) > 6_600)).toEqual([true, true, true, true])
  })

  it('continues when a field was added to a user-defined type, wherever the type is used', async () => {
    await ddl('CREATE TYPE ks.inner_type (a int)')
    await ddl('CREATE TYPE ks.outer_type (i frozen<inner_type>, b text)')
    const options = await optionsFor(`id int PRIMARY KEY, o frozen<outer_type>, plain inner_type,
      l list<frozen<inner_type>>, m map<text, frozen<outer_type>>, t tuple<int, frozen<inner_type>>`)
    const rows = [
      {
        id: 1,
        o: { i: { a: 1 }, b: 'x' },
        plain: { a: 2 },
        l: [{ a: 3 }],
        m: { k: { i: { a: 4 } } },
        t: [5, { a: 6 }],
      },
      { id: 2, o: { i: { a: null } }, plain: null, l: [], m: {}, t: [null, null] },
    ]
    await crash(options, rows)
    await ddl('ALTER TYPE ks.inner_type ADD z int')
    await ddl('ALTER TYPE ks.outer_type ADD y text')
    const [first = {}] = rows
    const other = [{ ...first, plain: { a: 3 } }, ...rows.slice(1)]
    await expect(replay(options, other)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_REPLAY_DIFFERS' })
    expect(await replay(options, rows)).toMatchObject({ replayed: true })
    expect(await contents(options.table, 'id, plain, m')).toMatchObject([
      { id: 1, plain: { a: 2, z: null }, m: { k: { i: { a: 4 } } } },
      { id: 2 },
    ])
  })

  it('continues with write times of its own when a list was added, and refuses only rows with a list', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', {
      timestamp_column: 'at',
      allow_any_timestamp: true,
    })
    const rows = rowsOf(4).map(row => ({ ...row, at: 1_000 + row.id }))
    const listed = { id: 9, v: 'x', at: 2_000, l: [1, 2] }
    const refusal = { code: 'ERR_CASSANDRA_VALUE', column: 'l', row_index: 0 }
    await crash(options, rows, async sink => {
      await sink.open()
      await ddl(`ALTER TABLE ks.${options.table} ADD l list<int>`)
      await expect(sink.writeEpoch(0, [listed])).rejects.toMatchObject(refusal)
    })
    const sink = createMicroBatchSink(options)
    expect(await sink.writeEpoch(0, rows)).toMatchObject({ replayed: true })
    await expect(sink.writeEpoch(1, [listed])).rejects.toMatchObject({ ...refusal, row_index: 4 })
    await expect(sink.validate(listed)).resolves.toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
    await sink.writeEpoch(1, [{ id: 9, v: 'x', at: 2_000 }])
    await sink[Symbol.asyncDispose]()
    const found = await contents(options.table, 'id, l, writetime(v) AS at')
    expect(found.map(({ id, l, at }) => [id, l, Number(at)])).toEqual(
      [0, 1, 2, 3, 9].map((id, i) => [id, null, [1_000, 1_001, 1_002, 1_003, 2_000][i]]),
    )
    // From here on no row needs the option.
    await expect(replay(options, [], 2)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_OPTION' })
  })

  it('continues when a column was dropped that no row names', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text, w int')
    await crash(options, rowsOf(4))
    await ddl(`ALTER TABLE ks.${options.table} DROP w`)
    expect(await replay(options, rowsOf(4))).toMatchObject({ replayed: true })
    expect(await contents(options.table, 'id')).toHaveLength(4)
  })

  it('continues when a column that no row names was dropped and added again', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text, w int')
    await crash(options, rowsOf(4))
    await ddl(`ALTER TABLE ks.${options.table} DROP w`)
    await ddl(`ALTER TABLE ks.${options.table} ADD w int`)
    expect(await replay(options, rowsOf(4))).toMatchObject({ replayed: true })
    expect(await contents(options.table, 'id')).toHaveLength(4)
  })
})

describe('a table that was truncated', () => {
  it('causes a warning when the sink opens again, if rows were committed before', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const codes = () => warnings.mock.calls.map(([, how]) => (how as { code?: string } | undefined)?.code)
    await ddl(`TRUNCATE ks.${options.table}`)
    await replay(options, rowsOf(2))
    await replay(options, rowsOf(2))
    expect(codes()).not.toContain('CASSANDRA_STREAMS_TRUNCATED')
    await ddl(`TRUNCATE ks.${options.table}`)
    expect(await replay(options, rowsOf(2))).toMatchObject({ skipped: true })
    expect(codes()).toContain('CASSANDRA_STREAMS_TRUNCATED')
    warnings.mockRestore()
  })
})
