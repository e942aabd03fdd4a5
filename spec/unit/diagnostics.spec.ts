import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'cassandra-driver'
import { describe, expect, it, onTestFinished } from 'vitest'
import { channels } from '../../lib/diagnostics.ts'
import { createCassandraWritable, createMicroBatchSink } from '../../lib/index.ts'
import { readSettingsOf } from '../../lib/options/readSettings.ts'
import { RangeReader } from '../../lib/read/rangeReader.ts'
import type { ReadStatement } from '../../lib/read/statement.ts'
import { FakeClient } from '../fake/fakeClient.ts'
import { serverError } from '../stream/support.ts'

const ROWS = 10_000

/** An operation has five channels. */
const LOOKS_PER_OPERATION = 5

/** Beside its operation, a request may be the last one of a flush, change the window, or fail. */
const LOOKS_PER_REQUEST = LOOKS_PER_OPERATION + 3

/** Beside its operation, the opening and the end of a sink are progress. */
const LOOKS_PER_SINK = LOOKS_PER_OPERATION + 5

/** Replaces every channel by one that has no subscriber and counts how often it is used. */
function unsubscribed(): { looks: number; messages: number } {
  const seen = { looks: 0, messages: 0 }
  const look = () => {
    seen.looks++
    return false
  }
  for (const channel of Object.values(channels).flatMap(one =>
    'publish' in one ? one : Object.values(one),
  )) {
    Object.defineProperties(channel, {
      hasSubscribers: { get: look, configurable: true },
      publish: { value: () => void seen.messages++, configurable: true },
    })
    onTestFinished(() => {
      for (const name of ['hasSubscribers', 'publish']) Reflect.deleteProperty(channel, name)
    })
  }
  return seen
}

/** A server that acknowledges each request, and options with which only rows of a partition share requests. */
function scene() {
  const client = new FakeClient([
    { name: 'p', type: 'int', kind: 'partition_key' },
    { name: 'c', type: 'int', kind: 'clustering' },
  ])
  client.automatic = true
  const options = { client: client.asClient, keyspace: 'ks', table: 't', batch_by: 'partition' } as const
  return { client, options }
}

const rowsIn = (partitions: number) =>
  Readable.from(Array.from({ length: ROWS }, (_, c) => ({ p: Math.floor((c * partitions) / ROWS), c })))

describe('while nobody subscribes, no message is made, and the channels are looked at a few times', () => {
  it.each([10_000, 5_000, 200])('per request of a sink, for the same rows in %i requests', async requests => {
    const seen = unsubscribed()
    const { client, options } = scene()
    const sink = createCassandraWritable(options)
    await pipeline(rowsIn(requests), sink)
    expect([sink.stats.rows_written, client.writes.length]).toEqual([ROWS, requests])
    expect(seen.messages).toBe(0)
    // A count of 0 would mean that other channels are used.
    expect(seen.looks).toBeGreaterThanOrEqual(LOOKS_PER_OPERATION * requests)
    expect(seen.looks).toBeLessThanOrEqual(LOOKS_PER_SINK + LOOKS_PER_REQUEST * requests)
  })

  it.each([10_000, 200])('per request and epoch, for the same rows in %i requests', async requests => {
    const seen = unsubscribed()
    const { client, options } = scene()
    const folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const place = { checkpoint_location: join(folder, 'checkpoint'), rows_per_epoch: ROWS / 10 }
    let epochs = 0
    const sink = createMicroBatchSink({ ...options, ...place }).on('commit', () => epochs++)
    await pipeline(rowsIn(requests), sink)
    expect([client.writes.length, epochs]).toEqual([requests, 10])
    expect(seen.messages).toBe(0)
    const perEpoch = LOOKS_PER_SINK + LOOKS_PER_OPERATION
    expect(seen.looks).toBeLessThanOrEqual(LOOKS_PER_SINK + perEpoch * epochs + LOOKS_PER_REQUEST * requests)
  })

  it('per request that is sent again', async () => {
    const seen = unsubscribed()
    const { client, options } = scene()
    client.automatic = false
    client.onWrite = write => {
      if (client.writes.length % 20 === 0) write.fail(serverError(0x1001))
      else write.acknowledge()
    }
    const sink = createCassandraWritable(options)
    await pipeline(rowsIn(200), sink)
    expect(sink.stats.retries).toBeGreaterThan(5)
    expect(seen.messages).toBe(0)
    expect(seen.looks).toBeLessThanOrEqual(LOOKS_PER_SINK + LOOKS_PER_REQUEST * sink.stats.requests)
  })

  it('per page of a source', async () => {
    const seen = unsubscribed()
    let requests = 0
    const execute = async () => {
      requests++
      return { rows: { length: 5_000, size: 50_000 }, columns: [], rawPageState: Buffer.alloc(1) }
    }
    const statement = { of: () => ({ cql: 'SELECT', bounds: [] }), layoutOf: () => [] }
    const reader = new RangeReader(
      { execute } as unknown as Client,
      readSettingsOf({ host: 'localhost', keyspace: 'ks', table: 't' }),
      statement as unknown as ReadStatement,
      new AbortController().signal,
    )
    let pages = 0
    for await (const _ of reader.pages(undefined)) if (++pages === 100) break
    expect(seen).toEqual({ looks: LOOKS_PER_OPERATION * requests, messages: 0 })
  })
})
