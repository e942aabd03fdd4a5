import fc from 'fast-check'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { OptionError, RowError, SchemaError } from '../../../lib/index.ts'
import type { CassandraWritableOptions } from '../../../lib/options/options.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'
import { openWriter } from '../../../lib/write/openWriter.ts'
import { Progress } from '../../../lib/write/progress.ts'
import { Tally } from '../../../lib/write/tally.ts'
import { FakeClient } from '../../fake/fakeClient.ts'
import { idsSent, range, row, serverError, settled } from '../../stream/support.ts'

// Waits between attempts are random fractions of a bound. Here they are zero.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
})

interface Change {
  readonly options?: Partial<CassandraWritableOptions>
  readonly client?: (client: FakeClient) => void
}

function opening({ options = {}, client: change = () => {} }: Change = {}) {
  const client = new FakeClient()
  change(client)
  const settings = writeSettingsOf({
    client: client.asClient,
    keyspace: 'ks',
    table: 't',
    flush_interval_ms: 60_000,
    ...options,
  })
  const tally = new Tally()
  const progress = new Progress(
    { keyspace: 'ks', table: 't' },
    () => false,
    () => {},
  )
  const failures: Error[] = []
  const abort = new AbortController()
  const writer = openWriter(
    settings,
    { tally, progress, onFailure: error => failures.push(error) },
    abort.signal,
  )
  return { client, counters: tally.stats, failures, abort, writer }
}

async function scene(change: Change = {}) {
  const { writer, ...rest } = opening(change)
  return { ...rest, writer: await writer }
}

describe('opening a writer', () => {
  it('connects and reads the schema, and writes nothing', async () => {
    const { client, counters } = await scene()
    expect(client).toMatchObject({ connects: 1, schemaReads: 1, writes: [] })
    expect(Object.values(counters).every(count => count === 0)).toBe(true)
  })

  it.each(['delete_flag_column', 'ttl_column', 'timestamp_column'])(
    'refuses %s on a key column, which must be written',
    async name => {
      const value = name === 'delete_flag_column' ? { delete_flag_value: 'x' } : {}
      const { writer } = opening({ options: { [name]: 'id', ...value } })
      await expect(writer).rejects.toBeInstanceOf(OptionError)
      await expect(writer).rejects.toMatchObject({ option: name, message: expect.stringContaining('`id`') })
    },
  )

  it('refuses the default consistency on an Accord table, before any row', async () => {
    const client = (client: FakeClient) => {
      client.transactional_mode = 'full'
    }
    const { writer } = opening({ client })
    await expect(writer).rejects.toMatchObject({ code: 'ERR_CASSANDRA_CONSISTENCY' })
    const quorum = opening({ client, options: { consistency: 'QUORUM' } })
    await (await quorum.writer).close()
  })

  it('fails with a code of this package if the schema cannot be read', async () => {
    const { writer } = opening({
      options: { request_timeout_ms: 50 },
      client: client => {
        client.schemaError = Object.assign(new Error('no answer in time'), { name: 'OperationTimedOutError' })
      },
    })
    await expect(writer).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_CONNECT_TIMEOUT',
      message: expect.stringContaining('no answer in time'),
    })
  })

  it('fails with the problem of the table', async () => {
    const { writer } = opening({
      client: client => {
        client.columns = []
      },
    })
    await expect(writer).rejects.toBeInstanceOf(SchemaError)
  })

  it('fails when its signal aborts', async () => {
    const { writer, abort } = opening()
    abort.abort()
    await expect(writer).rejects.toMatchObject({ name: 'AbortError' })
  })
})

describe('taking a row', () => {
  it('returns the reason and does not throw if the row cannot be stored', async () => {
    const { writer, counters } = await scene()
    const taken = writer.encode({ id: 'x' })
    expect(taken).toBeInstanceOf(RowError)
    expect(counters.rows_accepted).toBe(0)
  })

  it('numbers rows in the order in which they come, also bad ones', async () => {
    const { writer } = await scene()
    const taken = [row(0), { id: 'x' }, row(2), 7].map(each => writer.encode(each))
    expect(taken).toMatchObject([{ index: 0 }, { row_index: 1 }, { index: 2 }, { row_index: 3 }])
  })

  it('stamps rows in that order', async () => {
    const { writer } = await scene()
    const times = range(1_000).map(id => {
      const taken = writer.encode(row(id))
      if (!('slab' in taken)) throw taken
      return taken.slab.readBigInt64BE(taken.timestampAt)
    })
    expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)))
    expect(new Set(times).size).toBe(1_000)
  })

  it('stamps rows by the clock of the coordinator', async () => {
    const ahead = Date.now() + 5_000
    const { writer } = await scene({
      client: client => {
        client.now = ahead
      },
    })
    const taken = writer.encode(row(1))
    if (!('slab' in taken)) throw taken
    const time = taken.slab.readBigInt64BE(taken.timestampAt)
    expect(time).toBeGreaterThanOrEqual(BigInt(ahead) * 1000n)
  })
})

describe('adding a row', () => {
  it('returns at once while two flushes wait for their turn, and must wait after the third', async () => {
    const { client, writer } = await scene({
      options: { rows_per_batch: 2, concurrency: 1, batch_by: 'none' },
    })
    // One row is in flight and five wait. The last of them belongs to the third flush.
    for (const id of range(5)) expect(writer.add(writer.encode(row(id)))).toBeUndefined()
    const wait = writer.add(writer.encode(row(5)))
    expect(wait).toBeInstanceOf(Promise)
    let goesOn = false
    wait?.then(() => {
      goesOn = true
    })
    await settled()
    expect(goesOn).toBe(false)
    ;(await client.nextWrite()).acknowledge()
    await wait
    expect(idsSent(client)).toEqual([0, 1])
  })

  it('waits for its turn with buffers of one row', async () => {
    const { client, writer } = await scene({ options: { rows_per_batch: 1, concurrency: 1 } })
    expect(writer.add(writer.encode(row(0)))).toBeUndefined()
    const wait = writer.add(writer.encode(row(1)))
    expect(wait).toBeInstanceOf(Promise)
    ;(await client.nextWrite()).acknowledge()
    await wait
    expect(idsSent(client)).toEqual([0, 1])
  })

  it('must wait at some point even if rows come so slowly that each flush is cut by time', async () => {
    const { writer } = await scene({
      options: { rows_per_batch: 2, concurrency: 1, batch_by: 'none', flush_interval_ms: 5 },
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const waits = range(10).map(id => {
      const wait = writer.add(writer.encode(row(id)))
      // Nothing answers, so the writer fails once its retries are over.
      wait?.catch(() => {})
      vi.advanceTimersByTime(5)
      return wait
    })
    // One row in flight, one that waits, and two flushes of two rows.
    expect(waits.findIndex(wait => wait !== undefined)).toBe(5)
  })

  it('has a window that doubles even if answers come together', async () => {
    const { client, writer } = await scene({ options: { rows_per_batch: 500, batch_by: 'none' } })
    for (const id of range(500)) writer.add(writer.encode(row(id)))
    for (const expected of [32, 64, 100, 100]) {
      await settled()
      expect(client.pending.length).toBe(expected)
      for (const write of [...client.pending]) write.acknowledge()
    }
  })

  it('rejects for a bad row after the rows before it are written', async () => {
    const { client, writer, counters, failures } = await scene()
    writer.add(writer.encode(row(0)))
    const refused = writer.add(writer.encode({ id: 'x' }))
    await settled()
    expect(failures).toEqual([])
    ;(await client.nextWrite()).acknowledge()
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CASSANDRA_VALUE', row_index: 1 })
    expect(counters).toMatchObject({ rows_accepted: 1, rows_written: 1 })
    expect(failures.length).toBe(1)
  })

  it('after a failure rejects with that failure', async () => {
    const { client, writer, failures } = await scene({ options: { rows_per_batch: 1 } })
    writer.add(writer.encode(row(0)))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    await settled()
    await expect(writer.add(writer.encode(row(1)))).rejects.toBe(failures[0])
    await expect(writer.drain()).rejects.toBe(failures[0])
    expect(idsSent(client)).toEqual([0])
  })
})

describe('draining', () => {
  it('returns at once if nothing was added', async () => {
    const { writer } = await scene()
    await writer.drain()
  })

  it('sends the buffered rows and waits for the acknowledgements', async () => {
    const { client, writer, counters } = await scene()
    for (const id of range(3)) writer.add(writer.encode(row(id)))
    let drained = false
    const draining = writer.drain().then(() => {
      drained = true
    })
    await client.nextWrite()
    await settled()
    expect(drained).toBe(false)
    client.automatic = true
    for (const write of [...client.pending]) write.acknowledge()
    await draining
    expect(idsSent(client)).toEqual([0, 1, 2])
    expect(counters).toMatchObject({ rows_written: 3, rows_buffered: 0, rows_in_flight: 0 })
  })

  it('waits for every row so far, and for no later row', async () => {
    const { client, writer } = await scene({ options: { batch_by: 'none' } })
    const over: string[] = []
    const drain = (name: string) => void writer.drain().then(() => over.push(name))
    const add = (ids: number[]) => {
      for (const id of ids) writer.add(writer.encode(row(id)))
    }
    add([0, 1])
    drain('first')
    add([2, 3])
    drain('second')
    await vi.waitUntil(() => client.pending.length === 4)
    const [zero, one, two, three] = client.pending
    for (const later of [two, three, zero]) later?.acknowledge()
    await settled()
    expect(over).toEqual([])
    add([4])
    await settled()
    one?.acknowledge()
    await settled()
    expect(over).toEqual(['first', 'second'])
    await writer.close()
  })

  it('ends at once when the writer is closed, for waiting and later calls', async () => {
    const { writer } = await scene()
    writer.add(writer.encode(row(0)))
    const waiting = writer.drain()
    waiting.catch(() => {})
    await writer.close()
    for (const drain of [waiting, writer.drain()]) await expect(drain).rejects.toThrow('destroyed')
  })
})

describe('rows with a time to live', () => {
  it('have the time that is left since the seal of their epoch, also while rows of the next one are in flight', async () => {
    const { client, writer } = await scene({ options: { ttl: 1000, batch_by: 'none', rows_per_batch: 1 } })
    const now = performance.now()
    writer.liveFrom(0, now - 100_000)
    writer.add(writer.encode(row(0)))
    writer.liveFrom(1, now - 50_000)
    writer.add(writer.encode(row(1)))
    writer.liveFrom(3, now)
    for (const id of [2, 3]) writer.add(writer.encode(row(id)))
    await vi.waitUntil(() => client.pending.length === 4)
    const ttls = client.pending.map(({ binds }) => (binds.at(-1) as Buffer).readInt32BE(0))
    expect(ttls).toEqual([900, 950, 950, 1000])
    await writer.close()
  })
})

describe('closing', () => {
  it('ends all waits, and leaves a borrowed client open', async () => {
    const { client, writer, counters } = await scene({
      options: { rows_per_batch: 1, concurrency: 1, batch_by: 'none' },
    })
    writer.add(writer.encode(row(0)))
    const waiting = writer.add(writer.encode(row(1)))
    const draining = writer.drain()
    waiting?.catch(() => {})
    draining.catch(() => {})
    await client.nextWrite()
    await writer.close()
    await expect(waiting).rejects.toThrow('The stream was destroyed')
    await expect(draining).rejects.toThrow('The stream was destroyed')
    expect(client.shutdowns).toBe(0)
    expect(counters).toMatchObject({ rows_accepted: 2, rows_failed: 2, rows_buffered: 0, rows_in_flight: 0 })
  })
})

describe('the counts', () => {
  const act = fc.oneof(
    { weight: 6, arbitrary: fc.constant('add' as const) },
    { weight: 4, arbitrary: fc.nat({ max: 20 }) },
    { weight: 1, arbitrary: fc.constant('overload' as const) },
    { weight: 1, arbitrary: fc.constant('settle' as const) },
  )

  it('always add up, and end with every row written, whatever the order of answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 80 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        async (acts, rows_per_batch, concurrency) => {
          const { client, writer, counters } = await scene({ options: { rows_per_batch, concurrency } })
          const check = () => {
            const { rows_accepted, rows_written, rows_deleted, rows_failed, rows_buffered, rows_in_flight } =
              counters
            const sum = rows_written + rows_deleted + rows_failed + rows_buffered + rows_in_flight
            expect(sum).toBe(rows_accepted)
            expect(client.pending.length).toBeLessThanOrEqual(concurrency)
          }
          let added = 0
          const waits: Promise<void>[] = []
          for (const each of acts) {
            if (each === 'add') {
              const wait = writer.add(writer.encode(row(added++)))
              if (wait !== undefined) waits.push(wait)
            } else if (each === 'overload') client.pending[0]?.fail(serverError(0x1001))
            else if (each === 'settle') await settled()
            else client.pending[each % Math.max(1, client.pending.length)]?.acknowledge()
            check()
          }
          client.automatic = true
          for (const write of [...client.pending]) write.acknowledge()
          await Promise.all([...waits, writer.drain()])
          check()
          expect(counters).toMatchObject({ rows_accepted: added, rows_written: added, requests_in_flight: 0 })
          expect([...new Set(idsSent(client))]).toEqual(range(added))
          await writer.close()
        },
      ),
    )
  })
})
