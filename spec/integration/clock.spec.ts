import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'cassandra-driver'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { createCassandraWritable, createMicroBatchSink } from '../../lib/index.ts'
import { ClockProxy } from '../proxy/clockProxy.ts'
import { recordsIn, useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('clock')
const checkpoints = useCheckpoints()

/** A client with server-side write times, which many programs use. */
let plain: Client
beforeAll(() => {
  const { host, port, localDataCenter } = inject('cassandra')
  plain = new Client({ contactPoints: [`${host}:${port}`], localDataCenter })
})
afterAll(() => plain?.shutdown())

const listRows = function* (count: number, keys: number) {
  for (let i = 0; i < count; i++) yield { id: i % keys, l: [i], v: i }
}

describe('write times', () => {
  it.each(['flush()', 'the end of the stream', 'a commit'])(
    'are earlier than those of what another client writes after %s',
    async after => {
      const table = await ks.table('id int PRIMARY KEY, v int')
      const sink = createCassandraWritable<{ id: number; v: number }>({ ...ks.target, table })
      const epochs = createMicroBatchSink({
        ...ks.target,
        table,
        checkpoint_location: checkpoints.location(),
      })
      const count = after === 'the end of the stream' ? 30 : 150
      for (let id = 0; id < count; id++) {
        if (after === 'flush()') {
          sink.write({ id, v: 1 })
          await sink.flush()
        } else if (after === 'a commit') await epochs.writeEpoch(id, [{ id, v: 1 }])
        else await pipeline([{ id, v: 1 }], createCassandraWritable({ ...ks.target, table }))
        await plain.execute(`UPDATE ${ks.name}.${table} SET v = 2 WHERE id = ${id}`)
      }
      sink.end()
      epochs.end()
      const rows = await ks.select(`SELECT v FROM ${ks.name}.${table}`)
      expect(rows.map(({ v }) => v)).toEqual(Array.from({ length: count }, () => 2))
    },
  )

  it('of an epoch with lists are later than those of what another client wrote before its rows came', async () => {
    const table = await ks.table('id int PRIMARY KEY, l list<int>, v int')
    const sink = createMicroBatchSink({ ...ks.target, table, checkpoint_location: checkpoints.location() })
    const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, l: [1], v: 2 }))
    for (let epoch = 0; epoch < 4; epoch++) {
      await plain.execute(`INSERT INTO ${ks.name}.${table} (id, v) VALUES (0, 1)`)
      await sink.writeEpoch(epoch, rows)
      expect(await ks.select(`SELECT v FROM ${ks.name}.${table} WHERE id = 0`)).toMatchObject([{ v: 2 }])
      await plain.execute(`DELETE FROM ${ks.name}.${table} WHERE id = 9999`)
      expect(await ks.select(`SELECT v FROM ${ks.name}.${table} WHERE id = 9999`)).toEqual([])
    }
    sink.end()
  })

  it('of many rows with lists never lie in the future, so that the next write of another client wins', {
    timeout: 240_000,
  }, async () => {
    const table = await ks.table('id int PRIMARY KEY, l list<int>, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    let ahead = 0
    const watch = setInterval(async () => {
      const now = Date.now()
      const [row] = await ks.select(`SELECT writetime(v) AS at FROM ${ks.name}.${table} LIMIT 1`)
      if (row !== undefined) ahead = Math.max(ahead, Number(row['at']) / 1000 - now)
    }, 50)
    await pipeline(Readable.from(listRows(60_000, 500)), sink)
    clearInterval(watch)
    const end = Date.now()
    const rows = await ks.select(`SELECT id, writetime(v) AS at FROM ${ks.name}.${table}`)
    expect(rows.length).toBe(500)
    // The row may be written while the request for its time is under way.
    expect(ahead).toBeLessThan(1_000)
    expect(Math.max(...rows.map(({ at }) => Number(at)))).toBeLessThanOrEqual((end + 1) * 1000)
    await plain.execute(`UPDATE ${ks.name}.${table} SET v = -1 WHERE id = 1`)
    await plain.execute(`DELETE FROM ${ks.name}.${table} WHERE id = 2`)
    expect(await ks.select(`SELECT v FROM ${ks.name}.${table} WHERE id = 1`)).toEqual([{ v: -1 }])
    expect(await ks.select(`SELECT v FROM ${ks.name}.${table} WHERE id = 2`)).toEqual([])
  })

  it('of rows that came before the sink was open also lie in the past', async () => {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sink = createCassandraWritable({ ...ks.target, table })
    for (let id = 0; id < 20_000; id++) sink.write({ id: id % 100, v: id })
    sink.end()
    await once(sink, 'close')
    const end = Date.now()
    const rows = await ks.select(`SELECT id, v, writetime(v) AS at FROM ${ks.name}.${table}`)
    expect(rows.map(({ v }) => Number(v)).sort((a, b) => a - b)[0]).toBe(19_900)
    expect(Math.max(...rows.map(({ at }) => Number(at)))).toBeLessThanOrEqual((end + 1) * 1000)
  })

  it('of two concurrent processes are hardly ever the same', { timeout: 120_000 }, async () => {
    const KEYS = 2_000
    const table = await ks.table('id int PRIMARY KEY, a text, b text')
    const program = join(checkpoints.path, 'racer.mts')
    await writeFile(program, racer)
    const { host, port } = ks.target
    const racers = ['one', 'two'].map(name =>
      fork(program, [JSON.stringify({ host, port, keyspace: ks.name, table, name, keys: KEYS })], {
        execArgv: ['--import', 'tsx'],
      }),
    )
    const ready = racers.map(racer => once(racer, 'message'))
    await Promise.all(ready)
    for (const racer of racers) racer.send(Date.now() + 500)
    const codes = await Promise.all(racers.map(racer => once(racer, 'exit')))
    expect(codes).toEqual([
      [0, null],
      [0, null],
    ])
    const rows = (await ks.select(`SELECT id, a, b FROM ${ks.name}.${table}`)).filter(
      ({ id }) => Number(id) >= 0,
    )
    expect(rows.length).toBe(KEYS)
    const mixed = rows.filter(({ a, b }) => String(a).slice(2) !== String(b).slice(2))
    console.log(`${mixed.length} of ${KEYS} keys hold one column of each process`)
    // Now and then two processes hit the same microsecond. With a clock of milliseconds, every second key was mixed.
    expect(mixed.length).toBeLessThan(KEYS / 100)
  })
})

/** A process that writes each key once on command. One process writes the larger `a`, the other the larger `b`. */
const racer = `
import { setTimeout } from 'node:timers/promises'
import { createCassandraWritable } from '${join(import.meta.dirname, '../../lib/index.ts')}'
const { name, keys, ...target } = JSON.parse(process.argv[2])
const [a, b] = name === 'one' ? ['a ', 'z '] : ['z ', 'a ']
const sink = createCassandraWritable({ ...target, rows_per_batch: 20 })
await new Promise(resolve => sink.write({ id: -1 }, resolve))
process.send('ready')
const start = await new Promise(resolve => process.once('message', resolve))
for (let id = 0; id < keys; ) {
  // Both processes start in the same millisecond at different microseconds.
  const at = start + id * 1.5 + (name === 'one' ? 0.1 : 0.1 + ((id * 37) % 700) / 1000)
  await setTimeout(Math.max(0, at - 4 - Date.now()))
  while (performance.timeOrigin + performance.now() < at);
  for (const end = id + 20; id < end; id++) sink.write({ id, a: a + name, b: b + name })
}
sink.end()
await new Promise(resolve => sink.once('close', resolve))
process.disconnect()
`

describe('a coordinator whose clock is wrong', () => {
  const day_ms = 86_400_000
  let proxy: ClockProxy
  beforeAll(async () => {
    proxy = await ClockProxy.start(ks.target)
  })
  afterAll(() => proxy?.stop())

  it.each([
    ['a day ahead', day_ms, 'ahead of'],
    ['an hour behind', -day_ms / 24, 'behind'],
  ])(
    '%s is refused, the error has both times, and other sinks are not affected',
    async (_, offset_ms, side) => {
      proxy.offset_ms = offset_ms
      const table = await ks.table('id int PRIMARY KEY, v int')
      const sink = createCassandraWritable({ ...ks.target, host: proxy.host, port: proxy.port, table })
      const [error] = await once(sink, 'error')
      expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CLOCK_SKEW' })
      expect(error.message).toMatch(
        new RegExp(
          `is \\d+ ms ${side} this machine's: the node that answered says \\d{4}-\\S+Z, this machine \\d{4}-\\S+Z`,
        ),
      )
      const healthy = createCassandraWritable({ ...ks.target, table })
      await pipeline(Readable.from([{ id: 1, v: 1 }]), healthy)
      const [row] = await ks.select(`SELECT writetime(v) AS at FROM ${ks.name}.${table}`)
      expect(Number(row?.['at'])).toBeLessThanOrEqual((Date.now() + 1) * 1000)
      expect(Number(row?.['at'])).toBeGreaterThan((Date.now() - 60_000) * 1000)
      expect(healthy.stats.clock_skew_ms).toBe(0)
    },
  )

  it('by a little sets the write times of the rows, and stats report the difference', async () => {
    proxy.offset_ms = -5_000
    const table = await ks.table('id int PRIMARY KEY, v int')
    const sink = createCassandraWritable({ ...ks.target, host: proxy.host, port: proxy.port, table })
    await pipeline(Readable.from([{ id: 1, v: 1 }]), sink)
    expect(sink.stats.clock_skew_ms).toBeLessThan(-4_000)
    const [row] = await ks.select(`SELECT writetime(v) AS at FROM ${ks.name}.${table}`)
    expect(Number(row?.['at'])).toBeLessThanOrEqual((Date.now() - 4_000) * 1000)
  })

  it('and is set back while `flush()` waits does not keep a destroyed sink', async () => {
    proxy.offset_ms = 9_000
    const table = await ks.table('id int PRIMARY KEY, v int')
    const open = async () => {
      const sink = createCassandraWritable({ ...ks.target, host: proxy.host, port: proxy.port, table })
      await sink.validate({ id: 1, v: 1 })
      return sink
    }
    const first = await open()
    expect(first.stats.clock_skew_ms).toBeGreaterThan(8_000)
    first.write({ id: 1, v: 1 })
    await first.flush()
    let failure: unknown
    const flushing = (async () => {
      while (failure === undefined) await first.flush().catch(error => (failure = error))
    })()
    proxy.offset_ms = 0
    const second = await open()
    expect(second.stats.clock_skew_ms).toBe(0)
    const reason = new Error('enough')
    first.once('error', () => {})
    first.destroy(reason)
    second.destroy()
    const from = performance.now()
    await flushing
    expect(failure).toBe(reason)
    expect(performance.now() - from).toBeLessThan(2_000)
  })
})

describe('a checkpoint whose write times lie ahead of the clock', () => {
  /** Creates a checkpoint of a run whose clock was ahead by this many milliseconds. */
  async function checkpointAhead(by_ms: number) {
    const table = await ks.table('id int PRIMARY KEY, v int')
    const options = { ...ks.target, table, checkpoint_location: checkpoints.location() }
    const sink = createMicroBatchSink(options)
    await sink.open()
    const clocks = (globalThis as { [key: symbol]: { clusters: { correct(by: number): void }[] } })[
      Symbol.for('cassandra-streams.clocks.1')
    ]
    for (const clock of clocks?.clusters ?? []) clock.correct(by_ms * 1000)
    // The rows wait for their write times, and the sink is destroyed before that.
    const written = sink.writeEpoch(0, [{ id: 1, v: 1 }]).catch(() => {})
    await vi.waitFor(async () => expect(await recordsIn(options.checkpoint_location)).toContain('seal'), {
      timeout: 20_000,
    })
    sink.destroy()
    await Promise.all([written, once(sink, 'close')])
    return options
  }

  it('delays the opening if they are close, and later rows win', async () => {
    const options = await checkpointAhead(1_500)
    await using sink = createMicroBatchSink(options)
    await sink.writeEpoch(0, [{ id: 1, v: 1 }])
    await sink.writeEpoch(1, [{ id: 1, v: 2 }])
    expect(await ks.select(`SELECT v FROM ${ks.name}.${options.table}`)).toEqual([{ v: 2 }])
    const [row] = await ks.select(`SELECT writetime(v) AS at FROM ${ks.name}.${options.table}`)
    expect(Number(row?.['at'])).toBeLessThanOrEqual((Date.now() + 1) * 1000)
  })

  it('is refused if they are more than `max_clock_skew_ms` ahead, and nothing is written', async () => {
    const options = await checkpointAhead(30_000)
    await using sink = createMicroBatchSink({ ...options, max_clock_skew_ms: 100 })
    await expect(sink.open()).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CHECKPOINT_AHEAD',
      message: expect.stringMatching(/write times up to \d{4}-.*Z, and the cluster's clock says \d{4}-/),
    })
  })
})
