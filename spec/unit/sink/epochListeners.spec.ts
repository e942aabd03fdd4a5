import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMicroBatchSink } from '../../../lib/index.ts'
import { FakeClient } from '../../fake/fakeClient.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe.each(['acknowledged', 'commit'] as const)('a listener for %j that throws', event => {
  it('ends the sink with its error, and its epoch counts as committed', async () => {
    const client = new FakeClient()
    client.automatic = true
    const sink = createMicroBatchSink<{ id: number; v: string }>({
      client: client.asClient,
      keyspace: 'ks',
      table: 't',
      checkpoint_location: join(folder, 'orders'),
    })
    const bug = new Error('a bug of the listener')
    const fail = () => {
      throw bug
    }
    if (event === 'commit') sink.on('commit', fail)
    else sink.on('acknowledged', fail)
    sink.on('error', () => {})
    const closed = new Promise<void>(resolve => sink.once('close', () => resolve()))
    expect(await sink.writeEpoch(0, [{ id: 0, v: 'v' }])).toMatchObject({ epoch_id: 0, rows: 1 })
    await closed
    expect(sink.errored).toBe(bug)
    expect(sink.stats).toMatchObject({ rows_written: 1, rows_failed: 0 })
  })
})
