import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createMicroBatchSink } from '../../../lib/index.ts'
import { FakeClient } from '../../fake/fakeClient.ts'
import { settled } from '../../stream/support.ts'

/** A load of epochs of 10 rows, one row per request and one request at a time. */
async function scene(rows: number) {
  const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const client = new FakeClient()
  const checkpoint_location = join(folder, 'orders')
  const sink = createMicroBatchSink({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    checkpoint_location,
    rows_per_epoch: 10,
    rows_per_batch: 1,
    batch_by: 'none',
    concurrency: 1,
    epoch_interval_ms: 3_600_000,
  })
  const source = Readable.from(Array.from({ length: rows }, (_, id) => ({ id })))
  const loaded = pipeline(source, sink)
  loaded.catch(() => {})
  const recorded = async () => {
    const text = await readFile(checkpoint_location, 'latin1')
    return [...text.matchAll(/"(seal|commit)":\{"epoch_id":(\d+)/g)].map(([, what, id]) => `${what} ${id}`)
  }
  return { client, loaded, recorded }
}

it('an epoch is sealed while rows of the one before are sent, and its own rows follow those', async () => {
  const { client, loaded, recorded } = await scene(35)
  const ids: number[] = []
  const first = await client.nextWrite()
  await vi.waitFor(async () => expect(await recorded()).toEqual(['seal 0', 'seal 1']), { timeout: 20_000 })
  // Two epochs are sealed, so the third waits for the commit of the first.
  await settled()
  expect(await recorded()).toEqual(['seal 0', 'seal 1'])
  for (let write = first; ; write = await client.nextWrite()) {
    ids.push((write.binds[0] as Buffer).readInt32BE())
    write.acknowledge()
    if (ids.length === 35) break
  }
  await loaded
  expect(ids).toEqual(Array.from({ length: 35 }, (_, id) => id))
  expect((await recorded()).filter(event => event.startsWith('commit'))).toEqual(
    [0, 1, 2, 3].map(id => `commit ${id}`),
  )
})
