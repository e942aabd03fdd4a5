import { randomInt } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMicroBatchSink, type MicroBatchSink, type MicroBatchSinkOptions } from '../../../lib/index.ts'
import { watchFsCalls } from '../../crash/fsCalls.ts'
import { FakeClient } from '../../fake/fakeClient.ts'
import { integerBelow, randomFrom } from '../../random.ts'

let folder: string
let client: FakeClient

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  client = new FakeClient()
  client.automatic = true
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true })
})

interface Row {
  readonly id: number
  readonly v: string
}

const rowsFrom = (from: number): Row[] => [0, 1, 2].map(i => ({ id: from + i, v: 'v' }))

const sinkWith = (more: Partial<MicroBatchSinkOptions<Row>> = {}) =>
  createMicroBatchSink<Row>({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    checkpoint_location: join(folder, 'orders'),
    ...more,
  })

/** Files beside the checkpoint after the sink has closed. */
const leftOver = async () => (await readdir(folder)).filter(name => name !== 'orders')

/** Writes two epochs. Ignores an early end. */
async function live(sink: MicroBatchSink<Row>): Promise<void> {
  const last = await sink.open()
  const next = (last?.epoch_id ?? -1) + 1
  await sink.writeEpoch(next, rowsFrom(3 * next))
  await sink.writeEpoch(next + 1, rowsFrom(3 * next + 3))
  sink.end()
}

const ways = ['destroy', 'destroy with an error', 'abort', 'dispose'] as const

/** A sink that can be ended in one of these ways. */
function mortal(way: (typeof ways)[number]) {
  const abort = new AbortController()
  const sink = sinkWith({ signal: abort.signal })
  sink.on('error', () => {})
  const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
  const life = live(sink).catch(() => {})
  const end = () => {
    if (way === 'abort') abort.abort()
    else if (way === 'dispose') void sink[Symbol.asyncDispose]().catch(() => {})
    else sink.destroy(way === 'destroy' ? undefined : new Error('enough'))
  }
  return { sink, closed, life, end }
}

describe('a micro-batch sink that is ended', () => {
  it.each(ways)('by %s at any call to the file system has released its checkpoint at close', async way => {
    let isThrough = false
    let nth = 0
    while (!isThrough) {
      nth++
      const { closed, life, end } = mortal(way)
      let hasCome = false
      {
        using _watch = watchFsCalls(call => {
          if (call !== nth) return
          hasCome = true
          end()
        })
        await closed
      }
      expect(await leftOver(), `ended at call ${nth}`).toEqual([])
      await life
      isThrough = !hasCome
    }
    expect(nth).toBeGreaterThan(40)
  })

  it('at any moment has released its checkpoint at close', async () => {
    const seed = Number(process.env['ENDS_SEED'] ?? randomInt(2 ** 31))
    console.log(`ENDS_SEED=${seed}`)
    const random = randomFrom(seed)
    for (let run = 0; run < 200; run++) {
      const { closed, life, end } = mortal(ways[integerBelow(ways.length, random)] ?? 'destroy')
      const turns = integerBelow(30, random)
      for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
      const jobs = integerBelow(10, random)
      for (let job = 0; job < jobs; job++) await undefined
      end()
      await closed
      expect(await leftOver(), `run ${run}`).toEqual([])
      await life
    }
  })

  it('leaves no timer of the epoch that it was collecting', async () => {
    const sink = sinkWith({ epoch_interval_ms: 3_600_000 })
    await sink.open()
    const set = vi.spyOn(globalThis, 'setTimeout')
    const cleared = vi.spyOn(globalThis, 'clearTimeout')
    await new Promise(resolve => sink.write({ id: 1, v: 'v' }, resolve))
    const at = set.mock.calls.findIndex(([, wait]) => wait === 3_600_000)
    sink.destroy()
    expect(cleared.mock.calls.flat()).toContain(set.mock.results[at]?.value)
  })

  it('resolves every open() to the last commit, and rejects later calls with the reason', async () => {
    const sink = sinkWith()
    expect(await Promise.all([sink.open(), sink.open()])).toEqual([null, null])
    await sink.writeEpoch(0, rowsFrom(0))
    expect(await sink.open()).toMatchObject({ epoch_id: 0, rows_total: 3 })
    sink.end()
    await expect(sink.writeEpoch(1, rowsFrom(3))).rejects.toThrow(
      '`writeEpoch()` was called after `end()`. Call it before.',
    )
    await new Promise(resolve => sink.once('close', resolve))
    await expect(sink.open()).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_WRITE',
      counts: { rows_written: 3 },
    })
  })

  it('because it cannot use its table has released its checkpoint at close', async () => {
    const closing = async (sink: MicroBatchSink<Row>) => {
      await expect(sink.open()).rejects.toThrow()
      await new Promise<void>(resolve => {
        if (sink.closed) resolve()
        else sink.once('close', () => resolve())
      })
      expect(await leftOver()).toEqual([])
    }
    await closing(sinkWith({ ttl_column: 'id' }))
    await live(sinkWith())
    client.tableId = 'another'
    await closing(sinkWith())
  })
})
