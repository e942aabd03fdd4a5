import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type CommittedEpoch, createMicroBatchSink, type MicroBatchSinkOptions } from '../../lib/index.ts'
import { stateIn } from '../crash/checkpointState.ts'
import { randomFrom } from '../random.ts'
import { useCheckpoints } from './checkpointFolder.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('micro_batch_spec')
const checkpoints = useCheckpoints()

interface Item {
  readonly id: number
  readonly v?: string
}

const items = (from: number, to: number): Item[] =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `v${from + i}` }))

async function optionsFor(
  definition: string,
  more: Omit<Partial<MicroBatchSinkOptions<Item>>, 'checkpoint_location'> = {},
) {
  const table = await ks.table(definition)
  const checkpoint_location = checkpoints.location()
  return { ...ks.target, table, checkpoint_location, epoch_interval_ms: 3_600_000, ...more }
}

async function idsIn(table: string): Promise<unknown[]> {
  const rows = await ks.select(`SELECT id FROM ${ks.name}.${table}`)
  return rows.map(({ id }) => Number(id)).sort((a, b) => a - b)
}

const ids = (rows: readonly Item[]) => rows.map(({ id }) => id)

function commitsOf(sink: NodeJS.EventEmitter): CommittedEpoch[] {
  const commits: CommittedEpoch[] = []
  sink.on('commit', epoch => commits.push(epoch))
  return commits
}

describe('a micro-batch sink as a Writable', () => {
  it('cuts epochs by rows, commits each in order, and the rest with end()', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', {
      rows_per_epoch: 100,
      position: ({ id }) => ({ id }),
    })
    const sink = createMicroBatchSink(options)
    expect(await sink.open()).toBeNull()
    const commits = commitsOf(sink)
    await pipeline(Readable.from(items(0, 250)), sink)
    expect(commits).toEqual([
      { epoch_id: 0, rows: 100, position: { id: 99 } },
      { epoch_id: 1, rows: 100, position: { id: 199 } },
      { epoch_id: 2, rows: 50, position: { id: 249 } },
    ])
    expect(await idsIn(options.table)).toEqual(ids(items(0, 250)))
    expect(sink.stats).toMatchObject({ rows_accepted: 250, rows_written: 250, rows_failed: 0 })
    await using again = createMicroBatchSink(options)
    expect(await again.open()).toEqual({ epoch_id: 2, position: { id: 249 }, rows_total: 250 })
  })

  it('cuts an epoch by time when few rows come', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { epoch_interval_ms: 1 })
    const sink = createMicroBatchSink(options)
    sink.write({ id: 1 })
    const [first] = await once(sink, 'commit')
    sink.write({ id: 2 })
    const [second] = await once(sink, 'commit')
    expect([first, second]).toMatchObject([
      { epoch_id: 0, rows: 1 },
      { epoch_id: 1, rows: 1 },
    ])
    sink.end()
    await once(sink, 'finish')
  })

  it('cuts an epoch by bytes, so that two epochs stay within max_buffered_bytes', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { max_buffered_bytes: 65_536 })
    const sink = createMicroBatchSink(options)
    const commits = commitsOf(sink)
    const large = items(0, 8).map(({ id }) => ({ id, v: 'x'.repeat(10_000) }))
    await pipeline(Readable.from(large), sink)
    expect(commits.map(({ rows }) => rows)).toEqual([4, 4])
  })

  it('tells after a restart at which row the source must continue, also without a position', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: 10 })
    await pipeline(Readable.from(items(0, 25)), createMicroBatchSink(options))
    const sink = createMicroBatchSink(options)
    expect(await sink.open()).toEqual({ epoch_id: 2, position: null, rows_total: 25 })
    const commits = commitsOf(sink)
    await pipeline(Readable.from(items(25, 30)), sink)
    expect(commits).toEqual([{ epoch_id: 3, rows: 5, position: null }])
  })

  it('keeps the position as it was when the row was given', async () => {
    const place = { line: 0 }
    const options = await optionsFor('id int PRIMARY KEY, v text', {
      rows_per_epoch: 2,
      position: () => place,
    })
    const sink = createMicroBatchSink(options)
    const commits = commitsOf(sink)
    for (const item of items(0, 4)) {
      place.line++
      sink.write(item)
    }
    sink.end()
    await once(sink, 'finish')
    expect(commits.map(({ position }) => position)).toEqual([{ line: 2 }, { line: 4 }])
  })

  it('writes nothing of an epoch with a bad row, and continues after the last commit', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: 10 })
    const bad = [...items(0, 15), { id: 15, v: 7 }, ...items(16, 30)]
    const sink = createMicroBatchSink(options)
    await expect(pipeline(Readable.from(bad), sink)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      row_index: 15,
    })
    expect(await idsIn(options.table)).toEqual(ids(items(0, 10)))
    const again = createMicroBatchSink(options)
    expect(await again.open()).toMatchObject({ rows_total: 10 })
    await pipeline(Readable.from(items(10, 30)), again)
    expect(await idsIn(options.table)).toEqual(ids(items(0, 30)))
  })

  it('finishes without an epoch when nothing was written', async () => {
    const options = await optionsFor('id int PRIMARY KEY')
    const sink = createMicroBatchSink(options)
    sink.end()
    await once(sink, 'finish')
    expect(stateIn(options.checkpoint_location)).toMatchObject({ committed: -1, sealed: undefined })
  })

  it('releases the checkpoint when it finishes, is destroyed, is aborted, or leaves its `await using` block', async () => {
    let abort = new AbortController()
    const options = await optionsFor('id int PRIMARY KEY')
    const ends: ((sink: ReturnType<typeof createMicroBatchSink>) => unknown)[] = [
      sink => sink.end(),
      sink => sink.destroy(),
      () => abort.abort(),
      sink => sink[Symbol.asyncDispose](),
    ]
    for (const end of ends) {
      abort = new AbortController()
      const sink = createMicroBatchSink({ ...options, signal: abort.signal })
      sink.on('error', () => {})
      await sink.open()
      const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
      end(sink)
      await closed
    }
    await using last = createMicroBatchSink(options)
    expect(await last.open()).toBeNull()
  })

  it('releases the checkpoint before it closes, at whatever point of its opening it is ended', async () => {
    const seed = Number(process.env['ENDS_SEED'] ?? randomInt(2 ** 31))
    const random = randomFrom(seed)
    const { client, name: keyspace } = ks
    const { table, checkpoint_location } = await optionsFor('id int PRIMARY KEY')
    let opened = 0
    // Milliseconds that the last opened sink needed. The first sink gets as long as it needs.
    let needed = Number.POSITIVE_INFINITY
    for (let run = 0; run <= 200; run++) {
      const start = performance.now()
      const abort = new AbortController()
      const sink = createMicroBatchSink({
        client,
        keyspace,
        table,
        checkpoint_location,
        signal: abort.signal,
      })
      sink.on('error', () => {})
      const isOpen = sink.open().then(
        () => {
          opened++
          needed = performance.now() - start
        },
        () => {},
      )
      const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
      if (run === 0) await isOpen
      else await Promise.race([isOpen, delay(random() * 1.5 * needed)])
      if (random() < 0.5) abort.abort()
      else sink.destroy()
      await closed
      const left = (await readdir(dirname(checkpoint_location))).filter(name => name.includes('.lock.'))
      expect(left, `ENDS_SEED=${seed}, run ${run}`).toEqual([])
    }
    console.log(`ENDS_SEED=${seed}: 200 sinks ended, ${opened} of them open`)
    expect(opened).toBeLessThan(200)
  })

  it.each([
    ['undefined', () => undefined],
    ['a BigInt', () => 5n],
    ['NaN', () => Number.NaN],
    ['a Date', () => new Date()],
    ['a promise', () => Promise.reject(new Error('no place'))],
  ])('refuses %s as a position', async (_, place) => {
    const options = await optionsFor('id int PRIMARY KEY', { position: () => place() as never })
    await expect(pipeline(Readable.from(items(0, 1)), createMicroBatchSink(options))).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_POSITION',
      counts: { rows_accepted: 0 },
    })
  })

  it('ends with the error of a listener for commit, and the commit stays valid', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { rows_per_epoch: 10 })
    const sink = createMicroBatchSink(options)
    const mistake = new Error('the listener')
    sink.on('commit', () => {
      throw mistake
    })
    await expect(pipeline(Readable.from(items(0, 25)), sink)).rejects.toBe(mistake)
    await using again = createMicroBatchSink(options)
    expect(await again.open()).toMatchObject({ epoch_id: 0 })
  })
})

describe('writeEpoch', () => {
  it('takes an Iterable, an AsyncIterable, a Readable and a web ReadableStream', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    const sink = createMicroBatchSink<Item>(options)
    async function* slowly(rows: Item[]) {
      yield* rows
    }
    const sources = [
      items(0, 5),
      slowly(items(5, 10)),
      Readable.from(items(10, 15)),
      new ReadableStream<Item>({
        start(controller) {
          for (const item of items(15, 20)) controller.enqueue(item)
          controller.close()
        },
      }),
    ]
    for (const [epoch_id, rows] of sources.entries()) {
      const written = await sink.writeEpoch(epoch_id, rows)
      expect(written).toEqual({ epoch_id, rows: 5, skipped: false, replayed: false })
    }
    expect(await idsIn(options.table)).toEqual(ids(items(0, 20)))
    sink.end()
    await once(sink, 'finish')
  })

  it('skips a committed epoch without reading its rows, and refuses a gap', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await using sink = createMicroBatchSink<Item>(options)
    const commits = commitsOf(sink)
    await sink.writeEpoch(0, items(0, 3))
    await sink.writeEpoch(1, items(3, 6))
    const unread = Readable.from(items(90, 99))
    for (const id of [0, 1]) {
      expect(await sink.writeEpoch(id, unread)).toEqual({
        epoch_id: id,
        rows: 0,
        skipped: true,
        replayed: false,
      })
    }
    expect(unread.destroyed).toBe(true)
    for (const id of [3, -1, 1.5, Number.NaN]) {
      await expect(sink.writeEpoch(id, items(90, 99))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    }
    await expect(sink.writeEpoch('2' as never, [])).rejects.toThrow('got the text `2`')
    await expect(sink.writeEpoch(2n as never, [])).rejects.toThrow('got the BigInt 2')
    await sink.writeEpoch(2, [])
    expect(commits.map(({ rows }) => rows)).toEqual([3, 3, 0])
    expect(await idsIn(options.table)).toEqual(ids(items(0, 6)))
  })

  it('runs concurrent calls in their order', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await using sink = createMicroBatchSink<Item>(options)
    const commits = commitsOf(sink)
    await Promise.all([0, 1, 2].map(id => sink.writeEpoch(id, items(id * 10, id * 10 + 10))))
    expect(commits.map(({ epoch_id }) => epoch_id)).toEqual([0, 1, 2])
  })

  it('writes nothing of an epoch with a bad row, and accepts the epoch again after it is fixed', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    await using sink = createMicroBatchSink<Item>(options)
    const bad = [...items(0, 5), { id: 'x' as unknown as number }]
    await expect(sink.writeEpoch(0, bad)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
    expect(await idsIn(options.table)).toEqual([])
    expect(await sink.writeEpoch(0, items(0, 6))).toMatchObject({ rows: 6, replayed: false })
  })

  it('refuses to be used with write() in the same sink', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    const sink = createMicroBatchSink<Item>(options)
    await sink.writeEpoch(0, items(0, 1))
    await expect(pipeline(Readable.from(items(1, 2)), sink)).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_EPOCH',
    })
    const other = createMicroBatchSink<Item>(options)
    await new Promise(resolve => other.write({ id: 1 }, resolve))
    await expect(other.writeEpoch(1, items(1, 2))).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    other.destroy()
  })

  it('refuses an epoch that is larger than the bound on memory', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text', { max_buffered_bytes: 65_536 })
    await using sink = createMicroBatchSink<Item>(options)
    const endless = (function* () {
      for (let id = 0; ; id++) yield { id, v: 'x'.repeat(1000) }
    })()
    await expect(sink.writeEpoch(0, endless)).rejects.toMatchObject({ code: 'ERR_CASSANDRA_EPOCH' })
    expect(await idsIn(options.table)).toEqual([])
  })

  it('does not wait for a source that hangs when the sink is destroyed', async () => {
    const options = await optionsFor('id int PRIMARY KEY, v text')
    const sink = createMicroBatchSink<Item>(options)
    await sink.open()
    const written = sink.writeEpoch(0, new Readable({ objectMode: true, read() {} }))
    setImmediate(() => sink.destroy())
    await expect(written).rejects.toMatchObject({ code: 'ERR_CASSANDRA_WRITE' })
  })

  it('rejects with the reason why the sink cannot open, without a listener for errors', async () => {
    const options = { ...(await optionsFor('id int PRIMARY KEY')), table: 'not_there' }
    const sink = createMicroBatchSink<Item>(options)
    await expect(sink.open()).rejects.toMatchObject({ code: 'ERR_CASSANDRA_TABLE_NOT_FOUND' })
    await expect(sink.writeEpoch(0, items(0, 1))).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_TABLE_NOT_FOUND',
    })
  })
})
