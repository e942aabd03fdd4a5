import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMicroBatchSink, type MicroBatchSinkOptions } from '../../../lib/index.ts'
import { stateIn } from '../../crash/checkpointState.ts'
import { FakeClient, type FakeWrite } from '../../fake/fakeClient.ts'
import { settled } from '../../stream/support.ts'

let folder: string
let client: FakeClient

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  client = new FakeClient()
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true })
})

interface Row {
  readonly id: number
  readonly nope?: number
}

const optionsWith = (more: Partial<MicroBatchSinkOptions<Row>> = {}) => ({
  client: client.asClient,
  keyspace: 'ks',
  table: 't',
  checkpoint_location: join(folder, 'orders'),
  epoch_interval_ms: 3_600_000,
  rows_per_batch: 1,
  ...more,
})

const sealedIn = () => stateIn(join(folder, 'orders')).sealed

/** The id of the row of a write, and its seconds to live. */
function lifeIn({ cql, binds }: FakeWrite): [number, number | undefined] {
  const [id, , , ttl] = binds as Buffer[]
  if (cql.includes('TTL 0')) return [Number(id?.readInt32BE()), 0]
  return [Number(id?.readInt32BE()), cql.includes('TTL ?') ? ttl?.readInt32BE() : undefined]
}

const write = (sink: { write(row: Row, done: () => void): unknown }, id: number) =>
  new Promise<void>(resolve => sink.write({ id }, resolve))

const closed = (sink: { once(event: 'close', done: () => void): unknown }) =>
  new Promise<void>(resolve => sink.once('close', resolve))

/**
 * Writes rows 1 to 4, and the table gets a default time to live of a day before row 3. The sink is left when row 3 has been sent
 * and is not acknowledged.
 */
async function crashWithADay(): Promise<void> {
  const sink = createMicroBatchSink<Row>(optionsWith())
  await sink.open()
  await write(sink, 1)
  const flushed = sink.flush()
  const first = await client.nextWrite()
  await write(sink, 2)
  client.default_time_to_live = 86_400
  first.acknowledge()
  await flushed
  const added = [write(sink, 3), write(sink, 4)]
  ;(await client.nextWrite()).acknowledge()
  await Promise.all(added)
  void sink.flush().catch(() => {})
  await client.writesReach(3)
  while (sealedIn()?.epoch_id !== 2) await settled()
  sink.destroy()
  await closed(sink)
}

describe('when the default time to live of a table changes under a micro-batch sink', () => {
  it('a new epoch begins, so that each epoch has one default', async () => {
    await crashWithADay()
    expect(client.writes.map(lifeIn).slice(0, 3)).toEqual([
      [1, 0],
      [2, 0],
      [3, 86_400],
    ])
    expect(sealedIn()).toMatchObject({ epoch_id: 2, rows: 2, table_ttl: 86_400 })
  })

  it('a replay of the epoch after the change repeats its times to live', async () => {
    await crashWithADay()
    client = new FakeClient()
    client.automatic = true
    client.default_time_to_live = 60
    const sink = createMicroBatchSink<Row>(optionsWith())
    expect(await sink.open()).toMatchObject({ epoch_id: 1, rows_total: 2 })
    for (const id of [3, 4, 5]) await write(sink, id)
    sink.end()
    await closed(sink)
    expect(sink.ended).toBe('committed')
    const lives = client.writes.map(lifeIn)
    expect(lives.map(([id]) => id)).toEqual([3, 4, 5])
    expect(lives.map(([, ttl]) => Number(ttl) > 86_000)).toEqual([true, true, false])
    expect(lives[2]).toEqual([5, 60])
  })

  it('each call of writeEpoch() uses the one that its first row finds', async () => {
    client.automatic = true
    const sink = createMicroBatchSink<Row>(optionsWith({ on_bad_row: () => {} }))
    await sink.writeEpoch(0, [{ id: 1 }])
    const rows = function* () {
      client.default_time_to_live = 60
      // Each of these rows causes a look at the schema.
      yield { id: 2, nope: 1 }
      yield { id: 3 }
      client.default_time_to_live = 3_600
      yield { id: 4, nope: 1 }
      yield { id: 5 }
    }
    await sink.writeEpoch(1, rows())
    await sink.writeEpoch(2, [{ id: 6 }])
    expect(client.writes.map(lifeIn)).toEqual([
      [1, 0],
      [3, 60],
      [5, 60],
      [6, 3_600],
    ])
    sink.end()
    await closed(sink)
  })

  it('an idle sink notices within 10 seconds', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    client.automatic = true
    const sink = createMicroBatchSink<Row>(optionsWith())
    await sink.open()
    client.default_time_to_live = 60
    const reads = client.schemaReads
    vi.advanceTimersByTime(10_000)
    while (client.schemaReads === reads) await settled()
    await settled()
    await write(sink, 1)
    sink.end()
    await closed(sink)
    expect(client.writes.map(lifeIn)).toEqual([[1, 60]])
  })

  it('nothing changes for rows that have the time to live of the option', async () => {
    client.automatic = true
    const sink = createMicroBatchSink<Row>(optionsWith({ ttl: 60, rows_per_epoch: 10 }))
    for (const id of [1, 2]) {
      await write(sink, id)
      await sink.flush()
      client.default_time_to_live = 3_600
    }
    for (const id of [3, 4]) await write(sink, id)
    sink.end()
    await closed(sink)
    expect(stateIn(join(folder, 'orders')).committed).toBe(2)
    expect(client.writes.map(lifeIn)).toEqual([1, 2, 3, 4].map(id => [id, 60]))
  })
})
