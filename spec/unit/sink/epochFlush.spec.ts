import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMicroBatchSink, type MicroBatchSink } from '../../../lib/index.ts'
import { FakeClient } from '../../fake/fakeClient.ts'
import { settled } from '../../stream/support.ts'

interface Row {
  readonly id: unknown
}

let folder: string
let client: FakeClient
let sink: MicroBatchSink<Row>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  client = new FakeClient()
  sink = createMicroBatchSink<Row>({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    checkpoint_location: join(folder, 'orders'),
  })
})
afterEach(async () => {
  const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
  if (!sink.closed) {
    sink.destroy()
    await closed
  }
  await rm(folder, { recursive: true })
})

describe('flush() of a sink that is fed by writeEpoch()', () => {
  it('resolves when all given epochs are committed, and does not wait for later ones', async () => {
    const told: string[] = []
    const tell = (what: string) => () => told.push(what)
    const first = sink.writeEpoch(0, [{ id: 0 }]).then(tell('0'))
    const second = sink.writeEpoch(1, [{ id: 1 }]).then(tell('1'))
    const flushing = sink.flush().then(tell('flush'))
    const third = sink.writeEpoch(2, [{ id: 2 }]).then(tell('2'))
    ;(await client.nextWrite()).acknowledge()
    await first
    await client.nextWrite()
    await settled()
    expect(told).toEqual(['0'])
    ;(await client.nextWrite()).acknowledge()
    await Promise.all([second, flushing])
    expect(told).toEqual(['0', '1', 'flush'])
    ;(await client.nextWrite()).acknowledge()
    await third
    await sink.flush()
  })

  it('rejects with the error of a refused epoch, but not again after that was reported', async () => {
    client.automatic = true
    const refused = sink.writeEpoch(0, [{ id: 'bad' }])
    const flushing = sink.flush()
    await expect(flushing).rejects.toMatchObject({ name: 'RowError' })
    await expect(refused).rejects.toMatchObject({ name: 'RowError' })
    await sink.flush()
    try {
      await sink.writeEpoch(0, [{ id: 'bad' }])
      expect.unreachable()
    } catch {
      await sink.flush()
    }
    await sink.writeEpoch(0, [{ id: 0 }])
    await sink.flush()
  })

  it('rejects when the sink is destroyed before they are committed', async () => {
    const epoch = sink.writeEpoch(0, [{ id: 0 }])
    const flushing = sink.flush()
    const told = Promise.allSettled([epoch, flushing])
    await client.nextWrite()
    sink.destroy()
    expect(await told).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
  })
})

it('flush() of a sink that is fed by write() commits rows that were written under cork', async () => {
  client.automatic = true
  await sink.open()
  sink.cork()
  for (const id of [0, 1, 2]) sink.write({ id })
  await sink.flush()
  expect(sink.stats).toMatchObject({ rows_written: 3 })
})
