import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createMicroBatchSink, type MicroBatchSinkOptions } from '../../../lib/index.ts'
import { defaultColumns, FakeClient } from '../../fake/fakeClient.ts'

const HOUR_MS = 3_600_000

it.each<[string, string, (client: FakeClient) => void, Partial<MicroBatchSinkOptions>]>([
  ['whose clock is an hour behind its write times', 'ERR_CASSANDRA_CHECKPOINT_AHEAD', () => {}, {}],
  [
    'with write times of its own for a table with a list',
    'ERR_CASSANDRA_OPTION',
    client => {
      client.now = Date.now() + HOUR_MS
      client.columns = [...defaultColumns, { name: 'l', type: 'list<int>' }]
    },
    { timestamp_column: 'at', max_clock_skew_ms: 2 * HOUR_MS },
  ],
])('a sink %s does not take a checkpoint from its owner', async (_, code, change, more) => {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  vi.spyOn(process, 'emitWarning').mockReturnValue()
  onTestFinished(() => void vi.restoreAllMocks())
  const sinkWith = (client: FakeClient, how: Partial<MicroBatchSinkOptions>) =>
    createMicroBatchSink({
      client: client.asClient,
      keyspace: 'ks',
      table: 't',
      checkpoint_location: join(folder, 'orders'),
      ...how,
    })
  const client = new FakeClient()
  client.automatic = true
  client.now = Date.now() + HOUR_MS
  await using owner = sinkWith(client, { max_clock_skew_ms: 2 * HOUR_MS })
  await owner.writeEpoch(0, [{ id: 1 }])
  const other = new FakeClient()
  change(other)
  const sink = sinkWith(other, { ...more, take_over: true })
  await expect(sink.open()).rejects.toMatchObject({ code })
  await owner.writeEpoch(1, [{ id: 2 }])
})

it('a checkpoint in a folder that does not exist is refused, and does not become a file of that name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  for (const end of ['/', '/.']) {
    const sink = createMicroBatchSink({
      client: new FakeClient().asClient,
      keyspace: 'ks',
      table: 't',
      checkpoint_location: `${folder}/checkpoints${end}`,
    })
    await expect(sink.open()).rejects.toThrow('this folder does not exist: create it')
  }
})
