import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import {
  type CassandraReadable,
  type CassandraReadableOptions,
  createCassandraReadable,
  createCassandraWritable,
} from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { integerBelow, randomFrom } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('read_follow_spec')
const checkpoints = useCheckpoints()

type Found = Record<string, unknown>

/** Age in milliseconds at which writes are emitted. No write may be missed that becomes visible within this time. */
const LAG_MS = 500
const INTERVAL_MS = 100

function follow(by: 'scan' | 'tail', more: Partial<CassandraReadableOptions>): CassandraReadable {
  const source = createCassandraReadable({
    ...ks.target,
    table: 'none',
    follow: { by, interval_ms: INTERVAL_MS, lag_ms: LAG_MS },
    ...more,
  })
  onTestFinished(async () => {
    source.destroy()
    await closed(source)
  })
  return source
}

/** Waits for 'close' and ignores the error of a loop that was left early. */
async function closed(source: CassandraReadable): Promise<void> {
  source.on('error', () => {})
  if (!source.closed) await new Promise(resolve => source.once('close', resolve))
}

/** Collects at least so many rows, and then until none come for a while. */
async function quiet(source: CassandraReadable, rows: Found[] = [], least = 1): Promise<Found[]> {
  source.on('data', row => rows.push(row))
  await expect.poll(() => source.destroyed).toBe(false)
  for (let before = -1; before !== rows.length || rows.length < least; ) {
    before = rows.length
    await delay(LAG_MS + 10 * INTERVAL_MS)
  }
  return rows
}

async function write(table: string, rows: readonly object[], more = {}): Promise<void> {
  const sink = createCassandraWritable({ ...ks.target, table, ...more })
  // Opens it. Rows get their write times when they come, and those of rows that wait for that may be older than `LAG_MS`.
  await sink.validate(rows[0] as object)
  await pipeline(Readable.from(rows), sink)
}

describe('a reader that follows by scan', () => {
  beforeAll(async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.seen (id int PRIMARY KEY, v int, w int, tags set<text>)`)
  })

  it('emits the existing rows, and then each new version once', async () => {
    await write(
      'seen',
      Array.from({ length: 300 }, (_, id) => ({ id, v: 0 })),
    )
    const rows = await quiet(follow('scan', { table: 'seen' }), [], 300)
    expect(rows.length).toBe(300)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(300)
    await write('seen', [{ id: 7, v: 1 }])
    await ks.client.execute(`UPDATE ${ks.name}.seen SET tags = {'new'} WHERE id = 8`)
    await ks.client.execute(`DELETE FROM ${ks.name}.seen WHERE id = 9`)
    await expect.poll(() => rows.length, { timeout: 30_000 }).toBe(302)
    await delay(LAG_MS + 5 * INTERVAL_MS)
    const added = rows.slice(300).map(({ id, v, tags }) => ({ id, v, tags }))
    expect(added.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual([
      { id: 7, v: 1, tags: null },
      { id: 8, v: 0, tags: new Set(['new']) },
    ])
  })

  it('does not emit a row if none of its selected columns was written', async () => {
    // One was deleted.
    const rows = await quiet(follow('scan', { table: 'seen', columns: ['id', 'v'] }), [], 299)
    const before = rows.length
    await ks.client.execute(`UPDATE ${ks.name}.seen SET w = 5 WHERE id = 10`)
    await ks.client.execute(`UPDATE ${ks.name}.seen SET v = 5 WHERE id = 11`)
    await expect.poll(() => rows.length, { timeout: 30_000 }).toBe(before + 1)
    expect(rows.at(-1)).toMatchObject({ id: 11, v: 5 })
  })

  it('neither loses nor doubles rows with the same write time when it continues after one of them', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.same (id int PRIMARY KEY, v int, at bigint)`)
    const at = BigInt(Date.now()) * 1000n
    const rows = Array.from({ length: 500 }, (_, id) => ({ id, v: 1, at }))
    await write(
      'same',
      rows.map(({ id, v }) => ({ id, v, $at: at })),
      { timestamp_column: '$at' },
    )
    const location = checkpoints.location()
    const found: Found[] = []
    for (const share of [3, 120, 121, 400, 500]) {
      const source = follow('scan', { table: 'same', checkpoint_location: location, columns: ['id', 'v'] })
      for await (const row of source) {
        found.push(row)
        if (found.length < share) continue
        await source.acknowledge(source.positionOf(row))
        break
      }
    }
    expect(found.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(rows.map(({ id }) => id))
    // Now the walk is over, and later writes are new.
    await write('same', [{ id: 3, v: 2 }])
    const next = await quiet(
      follow('scan', { table: 'same', checkpoint_location: location, columns: ['id', 'v'] }),
    )
    expect(next.map(({ id, v }) => [id, v])).toEqual([[3, 2]])
  })

  it('misses no row of a concurrent writer, over any number of runs', {
    timeout: 200_000,
  }, async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.race (id int PRIMARY KEY, v int)`)
    const seed = integerBelow(2 ** 31, Math.random)
    const random = randomFrom(seed)
    const location = checkpoints.location()
    const last = new Map<number, number>()
    let isOver = false
    const writer = (async () => {
      const sink = createCassandraWritable({ ...ks.target, table: 'race', timestamp_column: '$at' })
      // Opens it, so that rows do not wait.
      await sink.validate({ id: 0, v: 0 })
      const newest = new Map<number, bigint>()
      for (let v = 0; v < 3000; v++) {
        const id = integerBelow(1000, random)
        last.set(id, v)
        // Rows become visible long after their write times, but within `lag_ms`. The versions of a row keep their order.
        const early = BigInt(Date.now() - integerBelow(400, random)) * 1000n
        const before = newest.get(id) ?? 0n
        const $at = early > before ? early : before + 1n
        newest.set(id, $at)
        if (!sink.write({ id, v, $at })) await once(sink, 'drain')
        if (v % 50 === 0) await delay(60)
      }
      sink.end()
      await once(sink, 'finish')
      isOver = true
    })()
    const given = new Map<number, number[]>()
    const isDone = () => isOver && [...last].every(([id, v]) => given.get(id)?.at(-1) === v)
    const limit = AbortSignal.timeout(120_000)
    while (!isDone() && !limit.aborted) {
      // Each run stops at some row, and the next one continues after the acknowledged position.
      const most = 1 + integerBelow(800, random)
      const source = follow('scan', {
        table: 'race',
        checkpoint_location: location,
        // Longer than a busy machine takes from the arrival of a row to its write.
        follow: { by: 'scan', interval_ms: INTERVAL_MS, lag_ms: 2_000 },
      })
      const quitting = setTimeout(() => source.destroy(), 5_000)
      let count = 0
      const ofRun = new Set<string>()
      try {
        for await (const row of source) {
          const { id, v } = row as unknown as { id: number; v: number }
          const before = given.get(id) ?? []
          expect(v, `seed ${seed}, id ${id}`).toBeGreaterThanOrEqual(before.at(-1) ?? 0)
          given.set(id, [...before, v])
          expect(ofRun.has(`${id} ${v}`), `seed ${seed}, id ${id}`).toBe(false)
          ofRun.add(`${id} ${v}`)
          if (++count % 20 === 0 || count === most) await source.acknowledge(source.positionOf(row))
          if (count === most) break
        }
      } catch (error) {
        expect((error as { code?: string }).code).toBe('ERR_STREAM_PREMATURE_CLOSE')
      }
      clearTimeout(quitting)
      await closed(source)
    }
    await writer
    expect(isDone(), `seed ${seed}`).toBe(true)
  })

  it('reads a column that is added while it follows', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.growing (id int PRIMARY KEY, v int)`)
    await write('growing', [{ id: 1, v: 1 }])
    const rows = await quiet(follow('scan', { table: 'growing' }))
    await ks.client.execute(`ALTER TABLE ${ks.name}.growing ADD z int`)
    await ks.client.execute(`INSERT INTO ${ks.name}.growing (id, z) VALUES (2, 2)`)
    await ks.client.execute(`UPDATE ${ks.name}.growing SET z = 9 WHERE id = 1`)
    await expect.poll(() => rows.length, { timeout: 30_000 }).toBe(3)
    const added = rows.slice(1).toSorted((a, b) => Number(a['id']) - Number(b['id']))
    expect(added.map(row => ({ ...row, z: row['z'] }))).toMatchObject([
      { id: 1, v: 1, z: 9 },
      { id: 2, v: null, z: 2 },
    ])
  })

  it('reads a column that is added, and written, while its walk is about to start', async () => {
    await ks.client.execute(`CREATE TABLE ${ks.name}.late (id int PRIMARY KEY, v int)`)
    await write('late', [{ id: 1, v: 1 }])
    const { host, port } = inject('cassandra')
    const proxy = await CqlProxy.start({ host, port })
    onTestFinished(() => proxy.stop())
    const rows = await quiet(follow('scan', { table: 'late', host: proxy.host, port: proxy.port }))
    // The answer with the schema comes late and shows the schema as it was before.
    proxy.decided = /FROM system_schema\.columns/
    let added: Promise<unknown> | undefined
    proxy.decide = () => {
      if (added !== undefined) return undefined
      added = delay(50)
        .then(() => ks.client.execute(`ALTER TABLE ${ks.name}.late ADD z int`))
        .then(() => ks.client.execute(`INSERT INTO ${ks.name}.late (id, z) VALUES (2, 2)`))
      return { delay_ms: LAG_MS + 1300 }
    }
    await expect.poll(() => rows.length, { timeout: 30_000 }).toBe(2)
    expect(rows[1]).toMatchObject({ id: 2, v: null, z: 2 })
  })

  it('ends when its table was created again', async () => {
    const definition = `${ks.name}.again (id int PRIMARY KEY, v int)`
    await ks.client.execute(`CREATE TABLE ${definition}`)
    await write('again', [{ id: 1, v: 1 }])
    const source = follow('scan', { table: 'again' })
    const failed = new Promise(resolve => source.once('error', resolve))
    await quiet(source)
    await ks.client.execute(`DROP TABLE ${ks.name}.again`)
    await ks.client.execute(`CREATE TABLE ${definition}`)
    expect(await failed).toMatchObject({ code: expect.stringMatching(/SCHEMA_CHANGED|TABLE_NOT_FOUND/) })
  })

  it.each([
    ['(a int, b int, PRIMARY KEY (a, b))', 'scan', /needs a column outside the key/],
    [
      '(a int, b int, c int, PRIMARY KEY (a, b))',
      'tail',
      /first clustering column is a timestamp or a timeuuid/,
    ],
    ['(a int PRIMARY KEY, b timestamp)', 'tail', /first clustering column is a timestamp or a timeuuid/],
  ] as const)('refuses a table %s by %s', async (definition, by, message) => {
    const name = `refused_${Math.random().toString(36).slice(2)}`
    await ks.client.execute(`CREATE TABLE ${ks.name}.${name} ${definition}`)
    const source = follow(by, { table: name })
    await expect(source.toArray()).rejects.toMatchObject({
      option: 'follow',
      message: expect.stringMatching(message),
    })
  })

  it('refuses unknown options', () => {
    const options = { ...ks.target, table: 'seen' }
    for (const wrong of [{ by: 'push' }, { by: 'scan', interval: 3 }, { by: 'scan', lag_ms: -1 }, {}]) {
      const given = { ...options, follow: wrong as never }
      expect(() => createCassandraReadable(given)).toThrow(expect.objectContaining({ name: 'OptionError' }))
    }
  })
})

describe('a reader that follows by tail', () => {
  const kinds = [
    ['timestamp', (ms: number, _n: number) => new Date(ms)],
    ['timeuuid', (ms: number, n: number) => uuidAt(ms, n)],
  ] as const
  const orders = ['ASC', 'DESC']
  const cases = kinds.flatMap(([type, valueAt]) => orders.map(order => [type, order, valueAt] as const))

  it.each(cases)(
    'of a %s, %s, emits each added row once, also rows with the same time',
    async (type, order, valueAt) => {
      const table = `events_${type}_${order}`.toLowerCase()
      await ks.client.execute(
        `CREATE TABLE ${ks.name}.${table} (sensor int, at ${type}, n int, v int, PRIMARY KEY (sensor, at, n))
         WITH CLUSTERING ORDER BY (at ${order}, n ASC)`,
      )
      const begin = Date.now() - 60_000
      let n = 0
      const rows = (ms: number, count: number) =>
        Array.from({ length: count }, (_, i) => ({
          sensor: i % 4,
          at: valueAt(ms + Math.floor(i / 40), n),
          n: n++,
          v: 1,
        }))
      const old = rows(begin, 400)
      await write(table, old)
      // `where` leaves out one sensor.
      const location = checkpoints.location()
      const options = { table, where: 'sensor IN ?', params: [[0, 1, 2]], checkpoint_location: location }
      const found: Found[] = []
      const source = follow('tail', options)
      for await (const row of source) {
        found.push(row)
        if (found.length < 137) continue
        await source.acknowledge(source.positionOf(row))
        break
      }
      const going = follow('tail', options)
      await quiet(going, found, 300)
      // Later than now, because a row is missed that is written more than `LAG_MS` after its time.
      const added = rows(Date.now() + 4_000, 40)
      await write(table, added)
      await expect.poll(() => found.length, { timeout: 30_000 }).toBe(330)
      await delay(LAG_MS + 3 * INTERVAL_MS)
      const wanted = [...old, ...added].filter(({ sensor }) => sensor !== 3).map(row => row.n)
      expect(found.map(row => Number(row['n'])).sort((a, b) => a - b)).toEqual(wanted)
    },
  )

  it.each([
    ['timestamp', 'ASC', {}],
    ['timestamp', 'DESC', { where: 'sensor IN ?', params: [[0, 1, 2, 3, 4]] }],
    ['timeuuid', 'ASC', { where: 'sensor IN ?', params: [[4, 3, 2, 1, 0]] }],
    ['timeuuid', 'DESC', {}],
  ] as const)(
    'of a %s, %s, neither misses nor doubles a row of a concurrent writer, over any number of runs, with %j',
    { timeout: 200_000 },
    async (type, order, more) => {
      const table = `race_${type}_${order}`.toLowerCase()
      await ks.client.execute(
        `CREATE TABLE ${ks.name}.${table} (sensor int, at ${type}, n int, PRIMARY KEY (sensor, at, n))
         WITH CLUSTERING ORDER BY (at ${order})`,
      )
      const seed = integerBelow(2 ** 31, Math.random)
      const random = randomFrom(seed)
      const location = checkpoints.location()
      /** Longer than a busy machine takes from the time of a row to its acknowledgement. */
      const lag_ms = 2_000
      /** Rows that were visible within `lag_ms` of their time. */
      const promised = new Set<number>()
      let isOver = false
      const writer = (async () => {
        const sink = createCassandraWritable({ ...ks.target, table })
        for (let n = 0; n < 1_500; ) {
          const batch = Array.from({ length: 1 + integerBelow(40, random) }, () => {
            // Rows of one time, rows in the past, and rows that come in another order than their times.
            const ms = Date.now() - integerBelow(300, random)
            const at = type === 'timestamp' ? new Date(ms) : uuidAt(ms, n)
            return { ms, row: { sensor: integerBelow(5, random), at, n: n++ } }
          })
          for (const { row } of batch) sink.write(row)
          await sink.flush()
          const now = Date.now()
          for (const { ms, row } of batch) if (now - ms < lag_ms) promised.add(row.n)
          await delay(integerBelow(100, random))
        }
        sink.end()
        await once(sink, 'finish')
        isOver = true
      })()
      const given = new Set<number>()
      /** Rows up to an acknowledged position, which must not come again. */
      const acknowledged = new Set<number>()
      const isDone = () => isOver && [...promised].every(n => given.has(n))
      const limit = AbortSignal.timeout(120_000)
      while (!isDone() && !limit.aborted) {
        const most = 1 + integerBelow(300, random)
        const source = follow('tail', {
          ...more,
          table,
          checkpoint_location: location,
          follow: { by: 'tail', interval_ms: INTERVAL_MS, lag_ms },
        })
        const quitting = setTimeout(() => source.destroy(), 4_000)
        const ofRun: number[] = []
        try {
          for await (const row of source) {
            const n = Number(row['n'])
            expect(acknowledged.has(n) || ofRun.includes(n), `seed ${seed}, row ${n} again`).toBe(false)
            ofRun.push(n)
            given.add(n)
            if (ofRun.length % 50 === 0 || ofRun.length === most) {
              await source.acknowledge(source.positionOf(row))
              for (const each of ofRun) acknowledged.add(each)
            }
            if (ofRun.length === most) break
          }
        } catch (error) {
          expect((error as { code?: string }).code, `seed ${seed}: ${error}`).toBe(
            'ERR_STREAM_PREMATURE_CLOSE',
          )
        }
        clearTimeout(quitting)
        await closed(source)
      }
      await writer
      expect(promised.size).toBeGreaterThan(1_000)
      expect(
        [...promised].filter(n => !given.has(n)),
        `seed ${seed}`,
      ).toEqual([])
    },
  )

  it('refuses conditions on its time column', async () => {
    const where = 'sensor = 1 AND at > ?'
    const source = follow('tail', { table: 'events_timestamp_asc', where, params: [new Date(0)] })
    await expect(source.toArray()).rejects.toMatchObject({
      option: 'where',
      message: 'Expected `where` to leave out `at`, by which `follow` asks for new rows',
    })
  })

  it('reads all partitions without `where`', async () => {
    const rows = await quiet(follow('tail', { table: 'events_timestamp_asc' }), [], 440)
    expect(rows.length).toBe(440)
    await write('events_timestamp_asc', [{ sensor: 99, at: new Date(Date.now() + 4_000), n: -1, v: 0 }])
    await expect.poll(() => rows.length, { timeout: 30_000 }).toBe(441)
    expect(rows.at(-1)).toMatchObject({ sensor: 99, n: -1 })
  })
})

/** A version 1 UUID of a millisecond. */
function uuidAt(ms: number, n: number): string {
  const ticks = (BigInt(ms) + 12_219_292_800_000n) * 10_000n + BigInt(n % 10_000)
  const hex = ticks.toString(16).padStart(15, '0')
  return `${hex.slice(7)}-${hex.slice(3, 7)}-1${hex.slice(0, 3)}-8000-0000${n.toString(16).padStart(8, '0')}`
}
