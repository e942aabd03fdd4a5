import { readFile, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openCheckpoint } from '../../lib/checkpoint/file/fileCheckpoint.ts'
import { createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import { stateIn } from '../crash/checkpointState.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { crash as crashedEpoch } from './crashedEpoch.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('micro_batch_replay_spec')
const checkpoints = useCheckpoints()
afterEach(() => {
  vi.restoreAllMocks()
})

type Options = MicroBatchSinkOptions & { readonly table: string; readonly checkpoint_location: string }

async function optionsFor(
  definition: string,
  more: Omit<Partial<MicroBatchSinkOptions>, 'checkpoint_location'> = {},
): Promise<Options> {
  const table = await ks.table(definition)
  return { client: ks.client, keyspace: ks.name, table, checkpoint_location: checkpoints.location(), ...more }
}

interface Row {
  readonly id: number
  readonly [column: string]: unknown
}

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id, v: `v${id}` }))

const crash = (options: Options, rows: readonly Row[], arrives: (request: number) => boolean) =>
  crashedEpoch(ks, options, rows, arrives)

const nothing = () => false
const all = () => true
const everyOther = (request: number) => request % 2 === 0

async function replay(options: Options, rows: readonly Row[]) {
  await using sink = createMicroBatchSink(options)
  return await sink.writeEpoch(0, rows)
}

const contents = (table: string, columns = '*') => ks.select(`SELECT ${columns} FROM ${ks.name}.${table}`)

describe('the replay of an epoch', () => {
  it.each([
    ['nothing', nothing],
    ['every other request', everyOther],
    ['everything', all],
  ])('after %s had arrived leaves each row once, with the write time from its seal', async (_, arrives) => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { batch_by: 'none' })
    await crash(options, rowsOf(50), arrives)
    const { sealed } = stateIn(options.checkpoint_location)
    expect(await replay(options, rowsOf(50))).toEqual({
      epoch_id: 0,
      rows: 50,
      skipped: false,
      replayed: true,
    })
    const found = await contents(options.table, 'id, v, writetime(v) AS at')
    expect(found.length).toBe(50)
    for (const { id, v, at } of found) {
      expect(v).toBe(`v${id}`)
      expect(String(at)).toBe(String(BigInt(sealed?.timestamp ?? '') + BigInt(Number(id))))
    }
    expect(stateIn(options.checkpoint_location)).toMatchObject({ committed: 0, sealed: undefined })
  })

  it('takes the first rows of a Writable, and later rows become the next epoch', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await crash(options, rowsOf(20), everyOther)
    const sink = createMicroBatchSink({ ...options, rows_per_epoch: 7 })
    expect(await sink.open()).toBeNull()
    const commits: number[] = []
    sink.on('commit', ({ rows }) => commits.push(rows))
    await pipeline(Readable.from(rowsOf(30)), sink)
    expect(commits).toEqual([20, 7, 3])
    expect((await contents(options.table)).length).toBe(30)
  })

  it('overwrites nothing that others wrote after the crash', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await crash(options, rowsOf(5), nothing)
    await ks.client.execute(`INSERT INTO ${ks.name}.${options.table} (id, v) VALUES (3, 'newer')`)
    await replay(options, rowsOf(5))
    expect(await contents(options.table, 'id, v')).toContainEqual({ id: 3, v: 'newer' })
  })

  it('gives the next epoch later write times, even if the clock was set back by an hour', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await using sink = createMicroBatchSink(options)
    await sink.writeEpoch(0, rowsOf(3))
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now - 3_600_000)
    await sink.writeEpoch(
      1,
      rowsOf(3).map(row => ({ ...row, v: 'later' })),
    )
    const found = await contents(options.table, 'v')
    expect(found).toEqual([{ v: 'later' }, { v: 'later' }, { v: 'later' }])
  })

  const rows = [...rowsOf(599), { id: 599 }]
  const first = { id: 10_000, v: 'other' }
  it.each([
    ['another row', [...rows.slice(0, 300), first, ...rows.slice(301)], 'rows 256 to 511', 600],
    ['fewer rows', rows.slice(0, 590), 'rows 512 to 599', 590],
    ['more rows', [...rows, first], 'rows 512 to 600', 601],
    ['no rows', [], 'rows 0 to 255', 0],
    ['two exchanged rows', [rows[1], rows[0], ...rows.slice(2)] as Row[], 'rows 0 to 255', 600],
    [
      'null instead of a missing value',
      [...rows.slice(0, 599), { id: 599, v: null }],
      'rows 512 to 599',
      600,
    ],
  ])(
    'refuses %s before it writes anything, and then accepts the right rows',
    async (_, others, where, count) => {
      const options = await optionsFor('id int PRIMARY KEY, v text')
      await crash(options, rows, nothing)
      await using sink = createMicroBatchSink(options)
      const refused = sink.writeEpoch(0, others)
      await expect(refused).rejects.toMatchObject({ code: 'ERR_CASSANDRA_REPLAY_DIFFERS' })
      const counts = count === 600 ? '' : `. The epoch was sealed with 600 rows, the source gave ${count}`
      await expect(refused).rejects.toThrow(
        `The first difference is in ${where} of the epoch, counted from 0${counts}. This replay wrote nothing`,
      )
      expect(await contents(options.table)).toEqual([])
      expect(await sink.writeEpoch(0, rows)).toMatchObject({ rows: 600, replayed: true })
      expect((await contents(options.table)).length).toBe(600)
    },
  )

  it('refuses other rows from the source of a Writable', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await crash(options, rowsOf(10), nothing)
    const given = Readable.from(rowsOf(10).reverse())
    const refused = pipeline(given, createMicroBatchSink(options))
    await expect(refused).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_REPLAY_DIFFERS',
      counts: { rows_accepted: 10, rows_written: 0, rows_failed: 10 },
    })
    await expect(refused).rejects.toThrow(
      'This replay wrote nothing. If the sealed rows still exist, start again with exactly these. To continue without a ' +
        'replay, remove the checkpoint and load the rows after its last commit. Rows that the first attempt wrote stay in ' +
        'the table',
    )
    expect(await contents(options.table)).toEqual([])
  })

  it.each([
    ['some rows', 9],
    ['no row', 0],
  ])('that ends after %s stays sealed, reports that, and is completed by the next run', async (_, count) => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await crash(options, rowsOf(10), everyOther)
    const before = stateIn(options.checkpoint_location)
    const stopped = createMicroBatchSink(options)
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    await pipeline(Readable.from(rowsOf(count)), stopped)
    expect(stopped.ended).toBe('in replay')
    expect(warn).toHaveBeenCalledOnce()
    expect(stateIn(options.checkpoint_location)).toEqual(before)
    const next = createMicroBatchSink(options)
    await pipeline(Readable.from(rowsOf(12)), next)
    expect(next.ended).toBe('committed')
    expect((await contents(options.table)).length).toBe(12)
  })

  it('recognizes the rows after a column was added to the table', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await crash(options, rowsOf(5), everyOther)
    await ks.client.execute(`ALTER TABLE ${ks.name}.${options.table} ADD a int`)
    expect(await replay(options, rowsOf(5))).toMatchObject({ replayed: true })
  })
})

describe('non-frozen lists', () => {
  const definition = 'id int PRIMARY KEY, l list<int>, v text'
  const rows = [
    { id: 1, l: [1, 2] },
    { id: 2, l: [3] },
    { id: 1, v: 'x' },
    { id: 2, l: [4, 4] },
  ]

  it.each([
    ['nothing', nothing],
    ['everything', all],
  ])('are not doubled by two replays after %s had arrived', async (_, arrives) => {
    const options = await optionsFor(definition, { batch_by: 'none' })
    await crash(options, rows, arrives)
    const before = stateIn(options.checkpoint_location).sealed
    // The first replay crashes too.
    const again = { ...options }
    await crash(again, rows, arrives)
    expect(BigInt(stateIn(options.checkpoint_location).sealed?.timestamp ?? 0)).toBeGreaterThan(
      BigInt(before?.timestamp ?? 0) + 3n * 64n,
    )
    expect(await replay(options, rows)).toMatchObject({ replayed: true })
    expect(await contents(options.table, 'id, l, v')).toEqual([
      { id: 1, l: [1, 2], v: 'x' },
      { id: 2, l: [4, 4], v: null },
    ])
  })

  it('cannot be combined with timestamp_column, because a replay must not change those write times', async () => {
    const options = await optionsFor(definition, { timestamp_column: 'at' })
    await using sink = createMicroBatchSink(options)
    await expect(sink.open()).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_OPTION',
      option: 'timestamp_column',
    })
  })
})

describe('timestamp_column', () => {
  it('is kept by a replay, and compared with the sealed rows', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', {
      timestamp_column: 'at',
      allow_any_timestamp: true,
    })
    const rows = rowsOf(5).map(row => ({ ...row, at: 1000 + row.id }))
    await crash(options, rows, everyOther)
    const later = rows.map(row => ({ ...row, at: row.at + 1 }))
    await expect(replay(options, later)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_REPLAY_DIFFERS' })
    await replay(options, rows)
    const found = await contents(options.table, 'id, writetime(v) AS at')
    for (const { id, at } of found) expect(Number(at)).toBe(1000 + Number(id))
  })
})

describe('time to live', () => {
  const hour = 3_600_000

  /** Changes the checkpoint of a crash as if its epoch had been sealed an hour earlier. */
  async function anHourAgo({ checkpoint_location }: { checkpoint_location: string }): Promise<void> {
    const [header, seal] = (await readFile(checkpoint_location, 'utf8'))
      .split('\n')
      .slice(1, 3)
      .map(line => JSON.parse(line.slice(line.indexOf('{'))))
    await rm(checkpoint_location)
    const checkpoint = await openCheckpoint(checkpoint_location, header.header.target)
    await checkpoint.seal({ ...seal.seal, sealed_at_ms: seal.seal.sealed_at_ms - hour })
    await checkpoint.close()
  }

  it('counts down while the process is down, but never to less than a second, and 0 stays forever', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { ttl_column: 'seconds' })
    const rows = [
      { id: 1, v: 'a', seconds: 7200 },
      { id: 2, v: 'b', seconds: 0 },
      { id: 3, v: 'c', seconds: 10 },
      { id: 4, v: 'd', seconds: null },
    ]
    await crash(options, rows, nothing)
    await anHourAgo(options)
    await replay(options, rows)
    await vi.waitFor(
      async () => expect((await contents(options.table, 'id')).map(({ id }) => id).sort()).toEqual([1, 2, 4]),
      { timeout: 20_000 },
    )
    const found = new Map(
      (await contents(options.table, 'id, ttl(v) AS left')).map(({ id, left }) => [id, left]),
    )
    expect(found.get(1)).toBeLessThan(3600)
    expect(found.get(1)).toBeGreaterThan(3000)
    expect(found.get(2)).toBeNull()
    expect(found.get(4)).toBeNull()
  })

  it('of the table counts down too', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} WITH default_time_to_live = 7200`)
    const options = {
      client: ks.client,
      keyspace: ks.name,
      table,
      checkpoint_location: checkpoints.location(),
    }
    await crash(options, rowsOf(1), nothing)
    await anHourAgo(options)
    await replay(options, rowsOf(1))
    const [row] = await contents(table, 'ttl(v) AS left')
    expect(row?.['left']).toBeLessThan(3600)
    expect(row?.['left']).toBeGreaterThan(3000)
  })

  it('stays as it was for a row that had arrived', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { ttl: 7200 })
    await crash(options, rowsOf(1), all)
    await anHourAgo(options)
    await replay(options, rowsOf(1))
    const [row] = await contents(options.table, 'ttl(v) AS left')
    expect(row?.['left']).toBeGreaterThan(7000)
  })

  it('does not follow a step of this machine’s clock', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { ttl: 7200 })
    await crash(options, rowsOf(1), nothing)
    const now = Date.now.bind(Date)
    vi.spyOn(Date, 'now').mockImplementation(() => now() + 100 * 365 * 24 * hour)
    await replay(options, rowsOf(1))
    const [row] = await contents(options.table, 'ttl(v) AS left')
    expect(row?.['left']).toBeGreaterThan(7000)
  })

  it('is compared with the sealed rows as it was given', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { ttl: 7200 })
    await crash(options, rowsOf(3), nothing)
    await expect(replay({ ...options, ttl: 7100 }, rowsOf(3))).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_REPLAY_DIFFERS',
    })
    expect(await replay(options, rowsOf(3))).toMatchObject({ replayed: true })
  })

  it('of tombstones limits the age of an epoch that may be replayed', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} WITH gc_grace_seconds = 3000`)
    const options = {
      client: ks.client,
      keyspace: ks.name,
      table,
      checkpoint_location: checkpoints.location(),
    }
    await crash(options, rowsOf(3), nothing)
    await anHourAgo(options)
    await expect(replay(options, rowsOf(3))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_REPLAY_TOO_LATE' })
    expect(await contents(table)).toEqual([])
  })

  it('of tombstones must not be 0, because no epoch could be replayed', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text', 'gc_grace_seconds = 0')
    const location = checkpoints.location()
    const { client, name: keyspace } = ks
    await using sink = createMicroBatchSink({ client, keyspace, table, checkpoint_location: location })
    await expect(sink.open()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_UNSUPPORTED' })
  })
})

describe('a checkpoint', () => {
  it('is refused for another table, and for a table that was created again', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await using first = createMicroBatchSink(options)
    await first.writeEpoch(0, rowsOf(1))
    first.destroy()
    const table = await ks.table('id int PRIMARY KEY, v text')
    await using other = createMicroBatchSink({ ...options, table })
    await expect(other.open()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_TARGET' })
    await ks.client.execute(`DROP TABLE ${ks.name}.${options.table}`)
    await ks.client.execute(`CREATE TABLE ${ks.name}.${options.table} (id int PRIMARY KEY, v text)`)
    await using again = createMicroBatchSink(options)
    await expect(again.open()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_TARGET' })
  })

  it('is refused to a second sink while the first lives', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await using first = createMicroBatchSink(options)
    await first.open()
    await using second = createMicroBatchSink(options)
    await expect(second.open()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CHECKPOINT_LOCKED' })
    await first.writeEpoch(0, rowsOf(1))
  })
})

describe('two unfinished epochs', () => {
  const ROWS = 10
  const keys = (count: number, rows = 2 * ROWS) =>
    Array.from({ length: rows }, (_, i) => ({ id: i % count, v: `v${i}` }))

  /** Crashes when both epochs are sealed, all rows of the first have been sent, and some of the second. */
  async function crashInBoth(options: Options, rows: readonly Row[], arrives: (request: number) => boolean) {
    let requests = 0
    const execute = async (cql: string, binds: unknown[], how: object) => {
      if (/^(?:SELECT|DESCRIBE) /.test(cql)) return ks.client.execute(cql, binds, how)
      const request = requests++
      if (arrives(request)) await ks.client.execute(cql, binds, how)
      return request < ROWS - 1 ? undefined : new Promise(() => {})
    }
    const client = Object.create(ks.client, { execute: { value: execute } }) as typeof ks.client
    const sink = createMicroBatchSink({ ...options, client, concurrency: 5 }).on('error', () => {})
    Readable.from(rows).pipe(sink)
    await vi.waitFor(() => expect(requests).toBeGreaterThan(ROWS + 3), { timeout: 20_000 })
    sink.destroy()
    const { committed, sealed, next } = stateIn(options.checkpoint_location)
    expect([committed, sealed?.epoch_id, next?.epoch_id]).toEqual([-1, 0, 1])
  }

  it.each([
    ['without lists', () => false, everyOther],
    ['with lists in the first', (i: number) => i < ROWS, everyOther],
    ['with lists in the second', (i: number) => i >= ROWS, all],
    ['with lists in both', () => true, everyOther],
    ['with lists in the first, none of which has arrived', (i: number) => i < ROWS, (i: number) => i >= ROWS],
  ])('%s, are replayed in their order and leave the table of a clean run', async (_, hasList, arrives) => {
    const definition = 'id int PRIMARY KEY, v text, items list<int>'
    const more = { rows_per_epoch: ROWS, batch_by: 'none' as const }
    const [options, clean] = [await optionsFor(definition, more), await optionsFor(definition, more)]
    const rows = keys(4).map((row, i) => (hasList(i) ? { ...row, items: [i, i + 1] } : row))
    await crashInBoth(options, rows, arrives)
    const commits: [number, number][] = []
    for (const each of [clean, options]) {
      const sink = createMicroBatchSink(each)
      sink.on('commit', ({ epoch_id, rows }) => commits.push([epoch_id, rows]))
      await pipeline(Readable.from(rows), sink)
    }
    expect(commits).toEqual([0, 1, 0, 1].map(epoch_id => [epoch_id, ROWS]))
    expect(await contents(options.table)).toEqual(await contents(clean.table))
    expect(stateIn(options.checkpoint_location)).toMatchObject({ committed: 1, sealed: undefined })
  })

  it('are committed in their order, even if the second is acknowledged first', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: ROWS, batch_by: 'none' })
    let requests = 0
    let acknowledge = () => {}
    const late = new Promise<void>(resolve => {
      acknowledge = resolve
    })
    const execute = async (cql: string, binds: unknown[], how: object) => {
      const isLate = !/^(?:SELECT|DESCRIBE) /.test(cql) && ++requests === ROWS
      const answer = await ks.client.execute(cql, binds, how)
      if (isLate) await late
      return answer
    }
    const client = Object.create(ks.client, { execute: { value: execute } }) as typeof ks.client
    const sink = createMicroBatchSink({ ...options, client })
    const commits: number[] = []
    sink.on('commit', ({ epoch_id }) => commits.push(epoch_id))
    const load = pipeline(Readable.from(keys(3 * ROWS, 3 * ROWS)), sink)
    await vi.waitFor(() => expect(requests).toBe(2 * ROWS), { timeout: 20_000 })
    await delay(500)
    // A third epoch does not begin either.
    expect([requests, commits]).toEqual([2 * ROWS, []])
    acknowledge()
    await load
    expect(commits).toEqual([0, 1, 2])
    expect((await contents(options.table)).length).toBe(3 * ROWS)
  })

  it('keep the times to live of their first attempts', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: ROWS, batch_by: 'none' })
    const name = `${ks.name}.${options.table}`
    await ks.client.execute(`ALTER TABLE ${name} WITH default_time_to_live = 50000`)
    const rows = keys(2 * ROWS)
    await crashInBoth(options, rows, nothing)
    await ks.client.execute(`ALTER TABLE ${name} WITH default_time_to_live = 90000`)
    await pipeline(Readable.from([...rows, { id: 99, v: 'new' }]), createMicroBatchSink(options))
    const found = await contents(options.table, 'id, ttl(v) AS ttl')
    const long = found.filter(({ ttl }) => Number(ttl) > 50_000).map(({ id }) => id)
    expect(long).toEqual([99])
    expect(found.length).toBe(2 * ROWS + 1)
  })

  it('are replayed one by one: if only the rows of the first come, the second stays sealed', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: ROWS, batch_by: 'none' })
    const rows = keys(2 * ROWS)
    await crashInBoth(options, rows, everyOther)
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
    const first = createMicroBatchSink(options)
    await pipeline(Readable.from(rows.slice(0, ROWS + 3)), first)
    expect(first.ended).toBe('in replay')
    expect(warned.mock.calls[0]?.[0]).toMatch(/^Epoch 1 stays sealed/)
    const second = createMicroBatchSink(options)
    expect(await second.open()).toMatchObject({ epoch_id: 0, rows_total: ROWS })
    expect(await second.writeEpoch(1, rows.slice(ROWS))).toMatchObject({ replayed: true, rows: ROWS })
    second.end()
    expect((await contents(options.table)).length).toBe(2 * ROWS)
  })
})
