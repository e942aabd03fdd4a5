import { once } from 'node:events'
import * as stream from 'node:stream'
import { type Duplex, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type FakeWrite, rowsOf } from '../fake/fakeClient.ts'
import { randomFrom } from '../random.ts'
import { idsSent, range, row, scene, settled, written } from './support.ts'

/** Node 20 and newer have it, but the types do not. */
const { compose } = stream as typeof stream & { compose(...streams: unknown[]): Duplex }

const never = 60_000

describe('backpressure', () => {
  it('is signalled by false and ends with drain', async () => {
    const { client, sink, events } = scene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none' })
    await settled()
    let accepted = 0
    while (sink.write(row(accepted++))) expect(accepted).toBeLessThan(100)
    await settled()
    expect(events).toEqual([])
    client.automatic = true
    for (const write of [...client.pending]) write.acknowledge()
    await once(sink, 'drain')
    expect(sink.writableLength).toBe(0)
    sink.destroy()
  })

  it.each([1, 2, 7, 16])(
    'never has more than %i requests in flight, and reaches that number',
    async concurrency => {
      const { client, sink, closed } = scene({ concurrency, rows_per_batch: 4, batch_by: 'none' })
      let most = 0
      const loading = pipeline(Readable.from(range(300).map(id => row(id))), sink)
      while (client.writes.length < 300) {
        const write = await client.nextWrite()
        await settled()
        most = Math.max(most, client.pending.length)
        expect(sink.stats.requests_in_flight).toBe(client.pending.length)
        write.acknowledge()
      }
      for (const write of [...client.pending]) write.acknowledge()
      await loading
      await closed
      expect(most).toBe(concurrency)
      expect(idsSent(client)).toEqual(range(300))
    },
  )

  it('takes no more rows from the source while rows wait for their turn', async () => {
    const { client, sink } = scene({
      concurrency: 1,
      rows_per_batch: 5,
      batch_by: 'none',
      flush_interval_ms: never,
    })
    let taken = 0
    const source = Readable.from(
      (function* () {
        for (let id = 0; id < 100_000; id++) {
          taken++
          yield row(id)
        }
      })(),
    )
    source.pipe(sink)
    await client.nextWrite()
    await settled()
    const before = taken
    await settled()
    expect(taken).toBe(before)
    expect(taken).toBeLessThan(5 + 2 * (sink.writableHighWaterMark + source.readableHighWaterMark))
    source.destroy()
    sink.destroy()
  })

  it('holds no more encoded bytes than max_buffered_bytes', async () => {
    const most = 65_536
    const { client, sink } = scene({ max_buffered_bytes: most, batch_by: 'none', concurrency: 1000 })
    const text = 'x'.repeat(2_000)
    const loading = pipeline(Readable.from(range(500).map(id => row(id, text))), sink)
    let seen = 0
    while (client.writes.length < 500) {
      const write = await client.nextWrite()
      await settled()
      const held = (sink.stats.rows_buffered + sink.stats.rows_in_flight) * text.length
      seen = Math.max(seen, held)
      expect(held).toBeLessThanOrEqual(most)
      write.acknowledge()
    }
    for (const write of [...client.pending]) write.acknowledge()
    await loading
    expect(seen).toBeGreaterThan(most / 4)
  })

  it('lets a row pass that alone is larger than the bound on bytes', async () => {
    const { client, sink } = scene({ max_buffered_bytes: 65_536 }, fake => {
      fake.automatic = true
    })
    await pipeline(Readable.from([row(1, 'x'.repeat(200_000)), row(2)]), sink)
    expect(idsSent(client)).toEqual([1, 2])
  })

  it('keeps every row when two flushes wait for their turn and the buffer is partly full', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const { client, sink, closed } = scene({
      concurrency: 1,
      rows_per_batch: 3,
      batch_by: 'none',
      flush_interval_ms: 5,
    })
    await written(sink, row(0))
    vi.advanceTimersByTime(5)
    const first = await client.nextWrite()
    await written(sink, row(1))
    await written(sink, row(2))
    // The flush by time waits for its turn. Of three more rows, two make a flush by size behind it, and one stays in the buffer.
    vi.advanceTimersByTime(5)
    for (const id of [3, 4, 5, 6]) sink.write(row(id))
    sink.end()
    await settled()
    expect(idsSent(client)).toEqual([0])
    client.automatic = true
    first.acknowledge()
    await closed
    expect(idsSent(client)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(sink.stats).toMatchObject({ rows_accepted: 7, rows_written: 7, rows_failed: 0 })
  })

  it('slows a source down to the pace of a slow server', async () => {
    const { client, sink } = scene({ concurrency: 2, rows_per_batch: 1, batch_by: 'none' })
    let taken = 0
    const loading = pipeline(
      Readable.from(
        (function* () {
          for (const id of range(200)) {
            taken++
            yield row(id)
          }
        })(),
        { highWaterMark: 1 },
      ),
      sink,
    )
    for (let acknowledged = 0; acknowledged < 200; acknowledged++) {
      const write = await client.nextWrite()
      await settled()
      // Two rows in flight, one that waits for its turn, and those in the buffers of the two streams.
      expect(taken - acknowledged).toBeLessThanOrEqual(2 + 1 + sink.writableHighWaterMark + 2)
      write.acknowledge()
    }
    await loading
    expect(idsSent(client)).toEqual(range(200))
  })
})

describe('the buffer', () => {
  it('is flushed when it has rows_per_batch rows, and not before', async () => {
    const { client, sink } = scene({ rows_per_batch: 3, flush_interval_ms: never })
    await written(sink, row(1))
    await written(sink, row(2))
    await settled()
    expect(client.writes.length).toBe(0)
    expect(sink.stats.rows_buffered).toBe(2)
    sink.write(row(3))
    await client.nextWrite()
    expect(idsSent(client)).toEqual([1, 2, 3])
    expect(sink.stats).toMatchObject({ rows_buffered: 0, rows_in_flight: 3 })
    sink.destroy()
  })

  it('is flushed after flush_interval_ms for a slow source', async () => {
    const { client, sink } = scene({ rows_per_batch: 1000, flush_interval_ms: 1 })
    sink.write(row(1))
    await client.nextWrite()
    expect(idsSent(client)).toEqual([1])
    sink.destroy()
  })

  it('is flushed by end() however few rows it has', async () => {
    const { client, sink, closed } = scene({ flush_interval_ms: never }, fake => {
      fake.automatic = true
    })
    sink.write(row(1))
    sink.end(row(2))
    await closed
    expect(idsSent(client)).toEqual([1, 2])
  })

  it('takes rows that were written under cork at uncork', async () => {
    const { client, sink, closed } = scene({}, fake => {
      fake.automatic = true
    })
    sink.cork()
    for (const id of range(50)) sink.write(row(id))
    await settled()
    expect(client.writes.length).toBe(0)
    sink.uncork()
    sink.end()
    await closed
    expect(idsSent(client)).toEqual(range(50))
  })

  it('takes rows that were written under cork at flush(), which uncorks', async () => {
    const { client, sink, closed } = scene({ rows_per_batch: 7 }, fake => {
      fake.automatic = true
    })
    sink.cork()
    sink.cork()
    for (const id of range(50)) sink.write(row(id))
    await sink.flush()
    expect(idsSent(client)).toEqual(range(50))
    sink.write(row(50))
    sink.uncork()
    sink.end()
    await closed
    expect(idsSent(client)).toEqual(range(51))
  })

  it('takes rows that were written under cork at end(), which uncorks', async () => {
    const { client, sink, events, closed } = scene({ rows_per_batch: 7 }, fake => {
      fake.automatic = true
    })
    sink.cork()
    for (const id of range(50)) sink.write(row(id))
    sink.end(row(50))
    await closed
    expect(idsSent(client)).toEqual(range(51))
    expect(events.filter(name => name !== 'drain')).toEqual(['finish', 'close'])
  })

  it('has rows as they were at write(), before and after the table is known', async () => {
    const { client, sink, closed } = scene({ flush_interval_ms: never }, fake => {
      fake.automatic = true
    })
    const reused = { id: 1, v: 'first' }
    sink.write(reused)
    reused.v = 'changed'
    await settled()
    reused.id = 2
    reused.v = 'second'
    sink.write(reused)
    reused.v = 'changed'
    sink.end()
    await closed
    const texts = client.writes.flatMap(({ binds }) => binds.filter((_, i) => i % 3 === 1).map(String))
    expect(texts.sort()).toEqual(['first', 'second'])
  })

  it('keeps the order of rows from before and after the table is known, even if those from before must wait', async () => {
    const { client, sink, closed } = scene({ concurrency: 1, rows_per_batch: 1 })
    for (const id of range(4)) sink.write(row(id))
    await client.nextWrite()
    for (const id of [4, 5]) sink.write(row(id))
    client.automatic = true
    for (const write of [...client.pending]) write.acknowledge()
    sink.end()
    await closed
    const stamps = client.writes.map(({ binds }) => (binds[2] as Buffer).readBigInt64BE())
    expect(idsSent(client)).toEqual(range(6))
    expect(stamps).toEqual(stamps.toSorted((a, b) => Number(a - b)))
  })

  it('keeps the order of two sinks if one knows its table before the other', async () => {
    let connected = () => {}
    const late = scene({}, client => {
      client.connect = () =>
        new Promise(resolve => {
          connected = resolve
        })
    })
    late.sink.write(row(1))
    const early = scene()
    early.sink.write(row(2))
    const second = await early.client.nextWrite()
    connected()
    const first = await late.client.nextWrite()
    const timestampOf = ({ binds }: FakeWrite) => (binds[2] as Buffer).readBigInt64BE()
    expect(timestampOf(second)).toBeGreaterThan(timestampOf(first))
    for (const { sink } of [early, late]) sink.destroy()
  })
})

describe('composing', () => {
  it('works with an async generator in a pipeline', async () => {
    const { client, sink } = scene({}, fake => {
      fake.automatic = true
    })
    await pipeline(async function* () {
      for (const id of range(25)) yield row(id)
    }, sink)
    expect(idsSent(client)).toEqual(range(25))
  })

  it('works with an async iterator by hand, with drain', async () => {
    const { client, sink, closed } = scene({ rows_per_batch: 4 }, fake => {
      fake.automatic = true
    })
    async function* source() {
      for (const id of range(100)) yield row(id)
    }
    let waits = 0
    for await (const each of source()) {
      if (sink.write(each)) continue
      waits++
      await once(sink, 'drain')
    }
    sink.end()
    await closed
    expect(waits).toBeGreaterThan(0)
    expect(idsSent(client)).toEqual(range(100))
  })

  it('writes no further row after a Readable of an async iterable fails', async () => {
    const { client, sink, closed } = scene({ flush_interval_ms: never })
    async function* source() {
      for (const id of range(3)) yield row(id)
      throw new Error('the source broke')
    }
    await expect(pipeline(Readable.from(source()), sink)).rejects.toThrow('the source broke')
    await closed
    expect(client.writes).toEqual([])
    expect(sink.stats.rows_written + sink.stats.rows_failed).toBe(sink.stats.rows_accepted)
  })

  it('works as the end of a composed stream', async () => {
    const { client, sink } = scene({}, fake => {
      fake.automatic = true
    })
    const toRow = new Transform({
      objectMode: true,
      transform: (id: number, _encoding, done) => done(null, row(id)),
    })
    await pipeline(Readable.from(range(25)), compose(toRow, sink))
    expect(idsSent(client)).toEqual(range(25))
  })

  it('destroys the sink when the source fails, with the error of the source', async () => {
    const { sink, events, closed } = scene({}, fake => {
      fake.automatic = true
    })
    const source = async function* () {
      yield row(1)
      throw new Error('the source broke')
    }
    await expect(pipeline(source, sink)).rejects.toThrow('the source broke')
    await closed
    expect(sink.destroyed).toBe(true)
    expect(events).not.toContain('finish')
  })

  it('writes 10,000 rows exactly once whatever the order of acknowledgements', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = randomFrom(seed)
    const { client, sink } = scene({ concurrency: 13, rows_per_batch: 37 })
    const loading = pipeline(Readable.from(range(10_000).map(id => row(id))), sink)
    const acknowledging = (async () => {
      while (sink.stats.rows_written < 10_000) {
        await client.nextWrite()
        client.pending[Math.floor(random() * client.pending.length)]?.acknowledge()
        await new Promise(resolve => setImmediate(resolve))
      }
    })()
    await Promise.all([loading, acknowledging])
    expect(idsSent(client), `seed ${seed}`).toEqual(range(10_000))
    expect(client.writes.every(write => [1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 50].includes(rowsOf(write)))).toBe(
      true,
    )
  })
})
