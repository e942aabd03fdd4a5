import { once } from 'node:events'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, vi } from 'vitest'
import {
  type CassandraStreamsError,
  type CassandraWritableOptions,
  createCassandraWritable,
  createCassandraWritableStream,
  createMicroBatchSink,
  type MicroBatchSink,
  RowError,
  WriteError,
} from '../../lib/index.ts'
import { stateIn } from '../crash/checkpointState.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { crash } from './crashedEpoch.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('bad_rows_spec')
const checkpoints = useCheckpoints()
const seed = Number(process.env['SEED'] ?? Date.now() % 100_000)

/** More bytes than an index accepts. Only Cassandra refuses such a row. */
const TOO_LONG = 'x'.repeat(70_000)

interface Row {
  id: number
  v: unknown
}

/** Every tenth row has a value of another type, and every hundredth a value that only Cassandra refuses. */
function* rowsOf(count: number): Generator<Row> {
  for (let id = 0; id < count; id++)
    yield { id, v: id % 100 === 50 ? TOO_LONG : id % 10 === 7 ? { no: id } : `v${id}` }
}
const isBad = ({ id }: Row) => id % 100 === 50 || id % 10 === 7

const indexedTable = async () => {
  const table = await ks.table('id int PRIMARY KEY, v text')
  await ks.client.execute(`CREATE INDEX ON ${ks.name}.${table} (v)`)
  return table
}

const stored = async (table: string) => {
  const found = await ks.select(`SELECT id FROM ${ks.name}.${table}`)
  return found.map(({ id }) => Number(id)).sort((a, b) => a - b)
}
const goodIds = (count: number) => [...rowsOf(count)].filter(row => !isBad(row)).map(({ id }) => id)

type OnBadRow = NonNullable<CassandraWritableOptions['on_bad_row']>

describe('on_bad_row', () => {
  const load: Record<string, (options: CassandraWritableOptions, rows: Iterable<object>) => Promise<object>> =
    {
      'a Writable': async (options, rows) => {
        const sink = createCassandraWritable(options)
        await pipeline(Readable.from(rows), sink)
        return sink.stats
      },
      'a WritableStream': async (options, rows) => {
        const stream = createCassandraWritableStream(options)
        await ReadableStream.from(rows).pipeTo(stream)
        return stream.stats
      },
      'epochs of a Writable': async (options, rows) => {
        const checkpoint_location = checkpoints.location()
        const sink = createMicroBatchSink({ ...options, checkpoint_location, rows_per_epoch: 333 })
        await pipeline(Readable.from(rows), sink)
        const again = createMicroBatchSink({ ...options, checkpoint_location })
        expect(await again.open()).toMatchObject({ rows_total: 1_000 })
        again.destroy()
        return sink.stats
      },
      'writeEpoch()': async (options, rows) => {
        await using sink = createMicroBatchSink({ ...options, checkpoint_location: checkpoints.location() })
        expect(await sink.writeEpoch(0, rows)).toMatchObject({ rows: 1_000 })
        return sink.stats
      },
    }

  it.each(Object.keys(load))(
    'of %s is called with each bad row and its error, and all other rows are stored',
    async name => {
      const table = await indexedTable()
      const told: { error: RowError; row: object }[] = []
      const on_bad_row: OnBadRow = (error, row) => void told.push({ error, row })
      const rows = [...rowsOf(1_000)]
      const stats = await load[name]?.({ ...ks.target, table, on_bad_row }, rows)
      expect(stats).toMatchObject({
        rows_accepted: 1_000,
        rows_written: 890,
        rows_set_aside: 110,
        rows_failed: 0,
      })
      expect(await stored(table)).toEqual(goodIds(1_000))
      const bad = rows.filter(isBad)
      told.sort((a, b) => a.error.row_index - b.error.row_index)
      expect(told.map(({ row }) => row)).toEqual(bad)
      expect(told.map(({ error }) => error.row_index)).toEqual(bad.map(({ id }) => id))
      for (const { error, row } of told) {
        expect(error).toBeInstanceOf(RowError)
        expect(error.code).toBe(
          (row as Row).v === TOO_LONG ? 'ERR_CASSANDRA_ROW_REFUSED' : 'ERR_CASSANDRA_VALUE',
        )
        expect(rows).toContain(row)
      }
    },
  )

  it.each(Object.keys(load))('of %s leaves the last good value of each key beside bad rows', async name => {
    const table = await indexedTable()
    const random = randomFrom(seed)
    const last = new Map<number, string>()
    const bad: object[] = []
    const rows = Array.from({ length: 1_000 }, (_, i): Row => {
      const id = integerBelow(7, random)
      const kind = integerBelow(20, random)
      // Rows of both kinds: those that the sink refuses, and those that only Cassandra refuses with its request.
      const row = { id, v: kind < 4 ? i : kind === 4 ? TOO_LONG : `v${i}` }
      if (kind > 4) last.set(id, `v${i}`)
      else bad.push(row)
      return row
    })
    const told: [number, object][] = []
    const on_bad_row: OnBadRow = ({ row_index }, row) => void told.push([row_index, row])
    await load[name]?.({ ...ks.target, table, on_bad_row }, rows)
    const found = await ks.select(`SELECT id, v FROM ${ks.name}.${table}`)
    expect(new Map(found.map(({ id, v }) => [id, v])), `seed ${seed}`).toEqual(last)
    expect(told.sort(([a], [b]) => a - b).map(([, row]) => row)).toEqual(bad)
  })

  it('gets a row as it was given, even if the caller changed the object later', async () => {
    const table = await indexedTable()
    const told: object[] = []
    const on_bad_row: OnBadRow = (_, row) => void told.push(row)
    const sink = createCassandraWritable({ ...ks.target, table, on_bad_row })
    const reused: Row = { id: 0, v: '' }
    for (const { id, v } of rowsOf(100)) {
      Object.assign(reused, { id, v })
      if (!sink.write(reused)) await new Promise(resolve => sink.once('drain', resolve))
    }
    await new Promise<void>(resolve => sink.end(resolve))
    told.sort((a, b) => (a as Row).id - (b as Row).id)
    expect(told).toEqual([...rowsOf(100)].filter(isBad))
  })

  it('is called for one row at a time, and the source waits for it', async () => {
    const table = await indexedTable()
    let [running, most, given, calls] = [0, 0, 0, 0]
    const on_bad_row: OnBadRow = async () => {
      most = Math.max(most, ++running)
      const before = given
      await delay(20)
      // The rows that the stream itself holds, and one more.
      if (calls++ > 0) expect(given - before).toBeLessThanOrEqual(20)
      running--
    }
    function* rows() {
      for (; given < 400; given++)
        yield { id: given, v: given % 4 === 0 ? 1 : TOO_LONG.slice(0, given % 4 === 1 ? 70_000 : 3) }
    }
    const sink = createCassandraWritable({ ...ks.target, table, on_bad_row, rows_per_batch: 10 })
    await pipeline(Readable.from(rows(), { highWaterMark: 1 }), sink)
    expect(most).toBe(1)
    expect(sink.stats).toMatchObject({ rows_written: 200, rows_set_aside: 200, rows_failed: 0 })
  }, 60_000)

  it('ends the stream when it throws: with its error as the cause, or with the error of the row if it throws that', async () => {
    const table = await indexedTable()
    for (const v of [1, TOO_LONG]) {
      const fault = new Error('disk full')
      const failing = createCassandraWritable({
        ...ks.target,
        table,
        on_bad_row: () => Promise.reject(fault),
      })
      const failed = pipeline(
        Readable.from([
          { id: 0, v: 'x' },
          { id: 1, v },
        ]),
        failing,
      )
      await expect(failed).rejects.toBeInstanceOf(WriteError)
      await expect(failed).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_ON_BAD_ROW',
        message: '`on_bad_row` failed for row 1 (counted from 0 in this stream): disk full',
        cause: fault,
        counts: { rows_written: 1, rows_set_aside: 0 },
      })
      const on_bad_row: OnBadRow = error => {
        throw error
      }
      const strict = createCassandraWritable({ ...ks.target, table, on_bad_row })
      await expect(pipeline(Readable.from([{ id: 0, v }]), strict)).rejects.toMatchObject({ row_index: 0 })
    }
  })

  it('is also called for rows that came before the table was known', async () => {
    const table = await indexedTable()
    const told: object[] = []
    const sink = createCassandraWritable({ ...ks.target, table, on_bad_row: (_, row) => void told.push(row) })
    const [bad, unknown] = [
      { id: 1, v: 5 },
      { id: 2, w: 'no such column' },
    ]
    sink.write(bad)
    sink.write(unknown)
    sink.end({ id: 3, v: 'good' })
    await new Promise(resolve => sink.once('finish', resolve))
    expect(told[0]).toBe(bad)
    expect(told[1]).toBe(unknown)
    expect(await stored(table)).toEqual([3])
  })
})

describe('a sink with on_bad_row', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  it.each(['a Writable', 'a micro-batch sink'])(
    'keeps rows no longer than they are in flight: %s',
    async name => {
      const table = await indexedTable()
      const options = { ...ks.target, table, flush_interval_ms: 0 }
      let calls = 0
      const on_bad_row = () => void calls++
      await using sink =
        name === 'a Writable'
          ? createCassandraWritable<object>({ ...options, on_bad_row })
          : createMicroBatchSink<object>({
              ...options,
              on_bad_row,
              checkpoint_location: checkpoints.location(),
            })
      const write = async () => {
        const given: WeakRef<object>[] = []
        for (const row of rowsOf(300)) {
          given.push(new WeakRef(row))
          if (!sink.write(row)) await once(sink, 'drain')
        }
        return given
      }
      const given = await write()
      await sink.flush()
      expect(calls).toBe([...rowsOf(300)].filter(isBad).length)
      // The stream stays open, and may hold the row that it was given last.
      await vi.waitFor(
        () => {
          collect()
          const kept = given.slice(0, -1).flatMap((row, id) => (row.deref() === undefined ? [] : [id]))
          expect(kept).toEqual([])
        },
        { timeout: 30_000, interval: 100 },
      )
      sink.end()
      await finished(sink)
    },
  )
})

describe('rows with names that the table lacks', () => {
  it.each([
    ['one name', () => 'w'],
    ['names of all kinds', (id: number) => `w${id}`],
  ])(
    'share reads of the schema: %s',
    async (_, nameOf) => {
      const table = await ks.table('id int PRIMARY KEY, v text')
      let calls = 0
      const sink = createCassandraWritable<object>({ ...ks.target, table, on_bad_row: () => void calls++ })
      const rows = Array.from({ length: 10_000 }, (_, id) =>
        id % 5 === 0 && id > 0 ? { id, [nameOf(id)]: 'x' } : { id, v: 'x' },
      )
      const from = performance.now()
      await pipeline(Readable.from(rows), sink)
      // One read per row, at one per second, would take half an hour.
      expect(performance.now() - from).toBeLessThan(60_000)
      expect(calls).toBe(1_999)
      expect(sink.stats).toMatchObject({ rows_written: 8_001, rows_set_aside: 1_999 })
    },
    90_000,
  )

  it('are stored once the table has them', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const told: number[] = []
    const on_bad_row = ({ row_index }: RowError) => void told.push(row_index)
    const sink = createCassandraWritable<object>({ ...ks.target, table, on_bad_row })
    sink.write({ id: 0, w: 'x' })
    await sink.flush()
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} ADD w text`)
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} ADD other text`)
    // A name that is unknown for the first time causes a read at once, which finds both columns.
    sink.write({ id: 1, other: 'x' })
    sink.write({ id: 2, w: 'x' })
    await new Promise<void>(resolve => sink.end(resolve))
    expect(told).toEqual([0])
    expect(await stored(table)).toEqual([1, 2])
  })
})

describe('max_errors', () => {
  const bad = (count: number, of: number) =>
    Array.from({ length: of }, (_, id) => ({ id, v: id < count ? 1 : 'x' }))
  const outcomeOf = async (
    max_errors: NonNullable<CassandraWritableOptions['max_errors']>,
    rows: readonly object[],
  ) => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    let calls = 0
    const sink = createCassandraWritable({ ...ks.target, table, max_errors, on_bad_row: () => void calls++ })
    const outcome = await pipeline(Readable.from(rows), sink).then(
      () => 'finished',
      ({ code, message }) => `${code} ${message.split('.')[0]}`,
    )
    return { outcome, calls }
  }

  it.each([
    [3, bad(3, 10), 'finished', 3],
    ['3', bad(4, 10), 'ERR_CASSANDRA_MAX_ERRORS 4 of 4 rows were refused, and `max_errors` is 3', 3],
    [0, bad(1, 1), 'ERR_CASSANDRA_MAX_ERRORS 1 of 1 rows were refused, and `max_errors` is 0', 0],
    // A share is checked from 1,000 rows on, and at the end.
    ['10%', bad(100, 1_000), 'finished', 100],
    [
      '10%',
      bad(101, 1_000),
      'ERR_CASSANDRA_MAX_ERRORS 101 of 1000 rows were refused, and `max_errors` is 10%',
      101,
    ],
    // In doubles, 0.57 % of 10,000 is less than 57.
    ['0.57%', bad(57, 10_000), 'finished', 57],
    ['50%', bad(20, 30), 'ERR_CASSANDRA_MAX_ERRORS 20 of 30 rows were refused, and `max_errors` is 50%', 20],
    [
      '1%',
      bad(5_000, 5_000),
      'ERR_CASSANDRA_MAX_ERRORS 1000 of 1000 rows were refused, and `max_errors` is 1%',
      999,
    ],
  ] as const)('of %s with these rows: %#', async (most, rows, outcome, calls) => {
    expect(await outcomeOf(most, rows)).toEqual({ outcome, calls })
  })

  it('as a share is also checked at the end of a micro-batch sink', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const checkpoint_location = checkpoints.location()
    const sink = createMicroBatchSink<object>({
      ...ks.target,
      table,
      checkpoint_location,
      max_errors: '10%',
      on_bad_row: () => {},
    })
    await expect(pipeline(Readable.from(bad(50, 100)), sink)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_MAX_ERRORS',
      counts: { rows_accepted: 100, rows_written: 50, rows_set_aside: 50 },
      unacknowledged: [],
    })
  })

  it('stops the calls for rows that Cassandra refused in the meantime, and the error names these rows', async () => {
    const table = await indexedTable()
    const told: number[] = []
    const sink = createCassandraWritable<object>({
      ...ks.target,
      table,
      max_errors: 3,
      on_bad_row: async ({ row_index }) => {
        await delay(20)
        told.push(row_index)
      },
    })
    const rows = Array.from({ length: 60 }, (_, id) => ({ id, v: TOO_LONG }))
    const error = await pipeline(Readable.from(rows), sink).catch((error: unknown) => error)
    const { code, counts, unacknowledged } = error as CassandraStreamsError
    expect(code).toBe('ERR_CASSANDRA_MAX_ERRORS')
    expect(told).toHaveLength(3)
    expect(counts).toMatchObject({ rows_set_aside: 3, rows_failed: (counts?.rows_accepted ?? 0) - 3 })
    const named = unacknowledged?.flatMap(({ from, to }) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i),
    )
    expect(named).toEqual(rows.map(({ id }) => id).filter(id => !told.includes(id)))
    expect(sink.stats.requests_in_flight).toBe(0)
  })

  it('ends with an error whose cause is the error of the last row', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const sink = createCassandraWritable<object>({ ...ks.target, table, max_errors: 1, on_bad_row: () => {} })
    const rows = [
      { id: 0, v: 1 },
      { id: 1, v: 'x' },
      { id: 2, v: 3 },
      { id: 3, v: 'y' },
    ]
    await expect(pipeline(Readable.from(rows), sink)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_MAX_ERRORS',
      cause: { code: 'ERR_CASSANDRA_VALUE', row_index: 2 },
      counts: { rows_accepted: 2, rows_written: 1, rows_set_aside: 1, rows_failed: 0 },
      unacknowledged: [{ from: 2, to: 3 }],
    })
  })
})

describe('on_bad_row of rows that only Cassandra refuses', () => {
  it('is no longer called after the stream is destroyed', async () => {
    const table = await indexedTable()
    let calls = 0
    const on_bad_row = async () => {
      calls++
      await delay(50)
    }
    const sink = createCassandraWritable<object>({ ...ks.target, table, on_bad_row })
    for (let id = 0; id < 60; id++) sink.write({ id, v: TOO_LONG })
    await expect.poll(() => calls, { timeout: 20_000 }).toBeGreaterThan(1)
    const closed = new Promise(resolve => sink.once('close', resolve))
    sink.destroy()
    await closed
    const before = calls
    await delay(300)
    expect(calls).toBe(before)
  })
})

describe('flush()', () => {
  it('sends the rows that wait before a bad row', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const options = { ...ks.target, table, flush_interval_ms: 60_000, on_bad_row: () => {} }
    await using sink = createCassandraWritable<object>(options)
    sink.write({ id: 0, v: 'x' })
    sink.write({ id: 1, v: 1 })
    const from = performance.now()
    await sink.flush()
    expect(performance.now() - from).toBeLessThan(30_000)
    expect(sink.stats).toMatchObject({ rows_written: 1, rows_set_aside: 1 })
    sink.end()
  })
})

describe('an epoch with rows set aside', () => {
  it.each<[string, number, (sink: { flush(): Promise<void> }) => unknown]>([
    ['epoch_interval_ms is over', 50, () => {}],
    ['flush() is called', 60_000, sink => sink.flush()],
  ])('is not committed before on_bad_row is done with all its rows, even when %s', async (_, time, act) => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const events: string[] = []
    let flushed: unknown
    const sink = createMicroBatchSink<object>({
      ...ks.target,
      table,
      checkpoint_location: checkpoints.location(),
      epoch_interval_ms: time,
      on_bad_row: async ({ row_index }) => {
        flushed = act(sink)
        await delay(1_500)
        events.push(`row ${row_index} is kept`)
      },
    })
    sink.on('commit', ({ rows }) => events.push(`${rows} rows are committed`))
    sink.write({ id: 0, v: 'x' })
    sink.write({ id: 1, v: 1 })
    await expect.poll(() => events.length, { timeout: 20_000 }).toBeGreaterThan(1)
    expect(events).toEqual(['row 1 is kept', '2 rows are committed'])
    await flushed
    await delay(300)
    // No epoch without rows follows.
    await sink.flush()
    sink.end()
    await finished(sink)
    expect(events).toHaveLength(2)
  })

  const options = (table: string, told: number[]) => ({
    ...ks.target,
    table,
    checkpoint_location: checkpoints.location(),
    on_bad_row: (error: RowError) => void told.push(error.row_index),
  })

  it.each([
    ['nothing', () => false],
    ['every other request', (request: number) => request % 2 === 0],
  ])('is replayed after %s had arrived, and leaves the table of a clean run', async (_, arrives) => {
    const table = await indexedTable()
    const told: number[] = []
    const settings = options(table, told)
    const rows = [...rowsOf(40), { id: 40, v: TOO_LONG }, { id: 41, v: 'last' }]
    await crash(ks, settings, rows, arrives)
    expect(told).toEqual([7, 17, 27, 37])
    await using sink = createMicroBatchSink(settings)
    expect(await sink.writeEpoch(0, rows)).toMatchObject({ replayed: true, rows: 42 })
    // The replay calls the handler again, now also for rows that only Cassandra refuses.
    expect(told.slice(4)).toEqual([7, 17, 27, 37, 40])
    expect(await stored(table)).toEqual([...goodIds(40), 41])
  })

  it.each<[string, (sink: MicroBatchSink<object>, rows: readonly object[]) => Promise<unknown>]>([
    ['the rows of a stream', (sink, rows) => pipeline(Readable.from(rows), sink)],
    ['writeEpoch()', (sink, rows) => sink.writeEpoch(0, rows)],
  ])('fails without on_bad_row, and is committed by a restart with it: %s', async (_, give) => {
    const table = await indexedTable()
    const told: number[] = []
    const { on_bad_row, ...strict } = options(table, told)
    const rows = [
      { id: 0, v: 'x' },
      { id: 1, v: TOO_LONG },
      { id: 2, v: 'z' },
    ]
    // The second start without the option shows that the epoch stays sealed.
    for (let start = 0; start < 2; start++) {
      const failing = createMicroBatchSink<object>(strict)
      await expect(give(failing, rows)).rejects.toMatchObject({
        code: 'ERR_CASSANDRA_ROW_REFUSED',
        row_index: 1,
      })
      failing.destroy()
      expect(stateIn(strict.checkpoint_location)).toMatchObject({
        committed: -1,
        sealed: { epoch_id: 0, rows: 3 },
      })
    }
    const sink = createMicroBatchSink<object>({ ...strict, on_bad_row })
    await give(sink, rows)
    expect(sink.stats).toMatchObject({ rows_accepted: 3, rows_written: 2, rows_set_aside: 1, rows_failed: 0 })
    expect(told).toEqual([1])
    sink.destroy()
    expect(stateIn(strict.checkpoint_location)).toMatchObject({ committed: 0, sealed: undefined })
    expect(await stored(table)).toEqual([0, 2])
  })

  it('is committed even if it has no other rows', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const told: number[] = []
    const rows = Array.from({ length: 600 }, (_, id) => ({ id, v: id }))
    const sink = createMicroBatchSink({ ...options(table, told), rows_per_epoch: 300 })
    const commits: number[] = []
    sink.on('commit', ({ rows }) => commits.push(rows))
    await pipeline(Readable.from(rows), sink)
    expect(commits).toEqual([300, 300])
    expect(told).toHaveLength(600)
  })

  it('is replayed with the same rows set aside even if they would now be good', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const told: number[] = []
    const settings = options(table, told)
    const rows = [
      { id: 0, v: 'x' },
      { id: 1, w: 'y' },
      { id: 2, v: 'z' },
    ]
    await crash(ks, settings, rows, () => false)
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} ADD w text`)
    const sink = createMicroBatchSink(settings)
    await pipeline(Readable.from([...rows, { id: 3, w: 'new' }]), sink)
    expect(sink.ended).toBe('committed')
    expect(sink.stats).toMatchObject({ rows_accepted: 4, rows_written: 3, rows_set_aside: 1 })
    expect(await stored(table)).toEqual([0, 2, 3])
    expect(told).toEqual([1])
  })

  it('is not replayed if other rows are bad', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const settings = options(table, [])
    const rows = [
      { id: 0, v: 'x' },
      { id: 1, v: 1 },
      { id: 2, v: 'z' },
    ]
    await crash(ks, settings, rows, () => false)
    const sink = createMicroBatchSink(settings)
    await expect(
      sink.writeEpoch(0, [
        { id: 0, v: 'x' },
        { id: 1, v: 1 },
        { id: 2, v: 2 },
      ]),
    ).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
    })
    await expect(sink.writeEpoch(0, rows)).resolves.toMatchObject({ replayed: true })
    sink.destroy()
  })
})

describe('validate()', () => {
  it('returns the error that the stream would report, and writes and counts nothing', async () => {
    const table = await ks.table('id int PRIMARY KEY, v text')
    const options = { ...ks.target, table }
    await using sink = createCassandraWritable(options)
    const stream = createCassandraWritableStream(options)
    await using epochs = createMicroBatchSink({ ...options, checkpoint_location: checkpoints.location() })
    for (const one of [sink, stream, epochs]) {
      expect(await one.validate({ id: 1, v: 'x' })).toBeUndefined()
      for (const row of [
        { id: 1, v: 5 },
        { v: 'x' },
        { id: 1, w: 1 },
        null,
        {
          id: 1,
          get v() {
            throw new Error('no')
          },
        },
      ]) {
        const said = await one.validate(row as object)
        const strict = createCassandraWritable(options)
        const thrown =
          row === null ? undefined : await pipeline(Readable.from([row]), strict).catch(error => error)
        expect(said).toBeInstanceOf(RowError)
        if (thrown !== undefined) expect(said?.message).toBe(thrown.message)
      }
      expect(one.stats).toMatchObject({ rows_accepted: 0, rows_failed: 0, rows_set_aside: 0 })
    }
    await stream.close()
    await ks.client.execute(`ALTER TABLE ${ks.name}.${table} ADD w int`)
    expect(await sink.validate({ id: 1, w: 1 })).toBeUndefined()
    expect(await stored(table)).toEqual([])
  })

  it('returns nothing for a row that only Cassandra refuses', async () => {
    const options = { ...ks.target, table: await indexedTable() }
    const row = { id: 1, v: TOO_LONG }
    await using sink = createCassandraWritable(options)
    expect(await sink.validate(row)).toBeUndefined()
    await expect(pipeline(Readable.from([row]), createCassandraWritable(options))).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_ROW_REFUSED',
    })
  })

  it('rejects when the stream cannot be opened', async () => {
    const sink = createCassandraWritable({ ...ks.target, table: 'nowhere' })
    const failed = new Promise(resolve => sink.once('error', resolve))
    await expect(sink.validate({ id: 1 })).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
    await failed
  })
})
