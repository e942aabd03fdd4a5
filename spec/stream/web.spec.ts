import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createCassandraWritableStream } from '../../lib/index.ts'
import { idsSent, range, row, serverError, settled } from './support.ts'
import { automatic, noUnhandledRejections, reasonOf, rowsOf, webScene } from './webSupport.ts'

const never = 60_000

noUnhandledRejections()

describe('a WritableStream of rows', () => {
  it('is a WritableStream of the platform', () => {
    const { stream } = webScene()
    expect(stream).toBeInstanceOf(WritableStream)
    expect(stream.locked).toBe(false)
  })

  it('throws at once for a wrong option', () => {
    expect(() => createCassandraWritableStream({ keyspace: 'ks', table: 't' })).toThrow('`host` or `client`')
  })

  it('connects at once, before the first write', async () => {
    const { client } = webScene()
    await settled()
    expect(client.connects).toBe(1)
  })

  it('shows no password in anything that can be printed of it', async () => {
    const stream = createCassandraWritableStream({
      host: '127.0.0.1',
      port: 1,
      keyspace: 'ks',
      table: 't',
      username: 'me',
      password: 'sesame-open',
    })
    const error = await reasonOf(stream.close())
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_CONNECT' })
    for (const shown of [stream, error]) {
      expect(inspect(shown, { depth: Infinity, showHidden: true })).not.toContain('sesame-open')
    }
  })

  it('keeps live stats', async () => {
    const { client, stream } = webScene({ rows_per_batch: 2, flush_interval_ms: never })
    const writer = stream.getWriter()
    await writer.write(row(1))
    expect(stream.stats).toMatchObject({ rows_accepted: 1, rows_buffered: 1 })
    await writer.write(row(2))
    const write = await client.nextWrite()
    expect(stream.stats).toMatchObject({ rows_accepted: 2, rows_in_flight: 2, requests_in_flight: 1 })
    write.acknowledge()
    await writer.close()
    expect(stream.stats).toMatchObject({ rows_written: 2, rows_in_flight: 0, rows_failed: 0, requests: 1 })
  })
})

describe('write()', () => {
  it('resolves when the row is accepted, before it is sent or acknowledged', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never })
    await expect(stream.getWriter().write(row(1))).resolves.toBeUndefined()
    expect(client.writes).toEqual([])
  })

  it('resolves later if the row must wait for its turn', async () => {
    const { client, stream, events, note } = webScene({ concurrency: 1, rows_per_batch: 1 })
    const writer = stream.getWriter()
    note('write 1', writer.write(row(1)))
    const waiting = note('write 2', writer.write(row(2)))
    const first = await client.nextWrite()
    await settled()
    expect(events).toEqual(['write 1'])
    first.acknowledge()
    await waiting
    expect(events).toEqual(['write 1', 'write 2'])
    await client.writesReach(2)
    expect(idsSent(client)).toEqual([1, 2])
  })

  it('takes rows as they are at the call, before and after the table is known, and while they queue', async () => {
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none' })
    const writer = stream.getWriter()
    const reused = { id: 0, v: 'v0' }
    const give = (id: number) => {
      Object.assign(reused, row(id))
      void writer.write(reused)
      reused.v = 'changed'
    }
    for (const id of range(4)) give(id)
    const first = await client.nextWrite()
    await settled()
    for (const id of [4, 5, 6, 7]) give(id)
    client.automatic = true
    first.acknowledge()
    await writer.close()
    const texts = client.writes.map(({ binds }) => String(binds[1]))
    expect(texts).toEqual(range(8).map(id => `v${id}`))
  })

  it('stamps rows in the order of calls, before and after the table is known', async () => {
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none' })
    const writer = stream.getWriter()
    for (const id of range(4)) void writer.write(row(id))
    const first = await client.nextWrite()
    for (const id of [4, 5, 6]) void writer.write(row(id))
    client.automatic = true
    first.acknowledge()
    await writer.close()
    const stamps = client.writes.map(({ binds }) => (binds[2] as Buffer).readBigInt64BE())
    expect(client.writes.map(({ binds }) => String(binds[1]))).toEqual(range(7).map(id => `v${id}`))
    expect(stamps).toEqual(stamps.toSorted((a, b) => Number(a - b)))
    expect(new Set(stamps).size).toBe(7)
  })

  it('reads each property of a row once, inside the call', async () => {
    const { stream } = webScene({}, automatic)
    const writer = stream.getWriter()
    await writer.ready
    await settled()
    let reads = 0
    const odd = {
      id: 1,
      get v() {
        return `read ${++reads}`
      },
    }
    const writing = writer.write(odd)
    expect(reads).toBe(1)
    await writing
    await writer.close()
    expect(reads).toBe(1)
  })

  it('keeps rows apart when a getter of one row writes another row', async () => {
    const { client, stream } = webScene({ batch_by: 'none' }, automatic)
    const writer = stream.getWriter()
    await settled()
    const outer = {
      id: 2,
      get v() {
        void writer.write(row(1, 'inner'))
        return 'outer'
      },
    }
    void writer.write(outer)
    void writer.write(row(3, 'last'))
    await writer.close()
    expect(client.writes.map(({ binds }) => String(binds[1]))).toEqual(['inner', 'outer', 'last'])
  })

  it('skips a row that the stream refused after reading it', async () => {
    const { client, stream } = webScene({ batch_by: 'none' }, automatic)
    const writer = stream.getWriter()
    await settled()
    const releasing = {
      id: 1,
      get v() {
        writer.releaseLock()
        return 'refused'
      },
    }
    expect(await reasonOf(writer.write(releasing))).toBeInstanceOf(TypeError)
    const next = stream.getWriter()
    void next.write(row(2))
    await next.close()
    expect(idsSent(client)).toEqual([2])
  })

  it('writes a long queue of calls without await, completely and in order', async () => {
    const { client, stream } = webScene({ batch_by: 'none', rows_per_batch: 100, concurrency: 3 }, automatic)
    const writer = stream.getWriter()
    const writes = range(1000).map(id => writer.write(row(id)))
    await Promise.all([...writes, writer.close()])
    expect(idsSent(client)).toEqual(range(1000))
  })

  it('is refused when the stream is closing, and earlier rows are written', async () => {
    const { client, stream } = webScene({}, automatic)
    const writer = stream.getWriter()
    void writer.write(row(1))
    const closing = writer.close()
    expect(await reasonOf(writer.write(row(2)))).toBeInstanceOf(TypeError)
    await closing
    // Node 20 throws here; other runtimes reject.
    expect(await reasonOf((async () => writer.write(row(3)))())).toBeInstanceOf(Error)
    expect(idsSent(client)).toEqual([1])
    expect(stream.stats.rows_accepted).toBe(1)
  })
})

describe('backpressure', () => {
  it('shows in desiredSize, which counts waiting rows and no accepted rows', async () => {
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none' })
    const writer = stream.getWriter()
    expect(writer.desiredSize).toBe(16)
    await writer.write(row(0))
    await client.nextWrite()
    expect(writer.desiredSize).toBe(16)
    for (const id of range(20)) writer.write(row(id)).catch(() => {})
    await settled()
    expect(writer.desiredSize).toBe(-4)
    await writer.abort()
  })

  it('keeps ready pending while the queue is full, and resolves it when there is room', async () => {
    const { client, stream, events, note } = webScene({
      concurrency: 1,
      rows_per_batch: 1,
      batch_by: 'none',
    })
    const writer = stream.getWriter()
    await settled()
    for (const id of range(17)) void writer.write(row(id))
    const ready = note('ready', writer.ready)
    const first = await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    first.acknowledge()
    ;(await client.nextWrite()).acknowledge()
    await ready
    expect(writer.desiredSize).toBeGreaterThan(0)
    client.automatic = true
    for (const write of [...client.pending]) write.acknowledge()
    await writer.close()
    expect(idsSent(client)).toEqual(range(17))
  })

  it.each([1, 2, 7])(
    'never has more than %i requests in flight, and reaches that number',
    async concurrency => {
      const { client, stream } = webScene({ concurrency, rows_per_batch: 4, batch_by: 'none' })
      const loading = rowsOf(200).pipeTo(stream)
      let most = 0
      while (client.writes.length < 200) {
        const write = await client.nextWrite()
        await settled()
        most = Math.max(most, client.pending.length)
        write.acknowledge()
      }
      client.automatic = true
      for (const write of [...client.pending]) write.acknowledge()
      await loading
      expect(most).toBe(concurrency)
      expect(idsSent(client)).toEqual(range(200))
    },
  )

  it('takes no more rows from the source while rows wait for their turn', async () => {
    let taken = 0
    const source = new ReadableStream({
      pull(controller) {
        controller.enqueue(row(taken++))
      },
    })
    const abort = new AbortController()
    const { client, stream } = webScene({
      concurrency: 1,
      rows_per_batch: 5,
      batch_by: 'none',
      signal: abort.signal,
    })
    const loading = source.pipeTo(stream)
    await client.nextWrite()
    await settled()
    const before = taken
    await settled()
    expect(taken).toBe(before)
    expect(taken).toBeLessThan(5 + 2 * 16 + 4)
    abort.abort()
    expect(await reasonOf(loading)).toBe(abort.signal.reason)
  })
})

describe('composing', () => {
  it('works with pipeTo of a ReadableStream, and closes', async () => {
    const { client, stream } = webScene({}, automatic)
    await rowsOf(100).pipeTo(stream)
    expect(idsSent(client)).toEqual(range(100))
  })

  it('works after pipeThrough', async () => {
    const { client, stream } = webScene({}, automatic)
    const toRow = new TransformStream<{ id: number }, { id: number; v: string }>({
      transform: ({ id }, controller) => controller.enqueue(row(id * 2)),
    })
    await rowsOf(20).pipeThrough(toRow).pipeTo(stream)
    expect(idsSent(client)).toEqual(range(20).map(id => id * 2))
  })

  it('works with several sources one after the other with preventClose', async () => {
    const { client, stream } = webScene({}, automatic)
    await rowsOf(3).pipeTo(stream, { preventClose: true })
    await rowsOf(2).pipeTo(stream, { preventClose: true })
    await stream.close()
    expect(idsSent(client)).toEqual([0, 0, 1, 1, 2])
  })

  it('aborts the sink when the source fails, with the error of the source', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never })
    const broke = new Error('the source broke')
    let left = 3
    const source = new ReadableStream({
      pull: controller => (left-- > 0 ? controller.enqueue(row(left)) : controller.error(broke)),
    })
    expect(await reasonOf(source.pipeTo(stream))).toBe(broke)
    expect(await reasonOf(stream.getWriter().closed)).toBe(broke)
    expect(client.writes).toEqual([])
  })

  it('cancels the source with the error of the sink', async () => {
    const { client, stream } = webScene()
    let cancelled: unknown
    const source = new ReadableStream({
      start: controller => controller.enqueue(row(1)),
      cancel: reason => {
        cancelled = reason
      },
    })
    const loading = reasonOf(source.pipeTo(stream))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    const error = await loading
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
    expect(cancelled).toBe(error)
  })

  it('works with a Node stream and Readable.toWeb', async () => {
    const { client, stream } = webScene({}, automatic)
    await Readable.toWeb(Readable.from(range(25).map(id => row(id)))).pipeTo(stream)
    expect(idsSent(client)).toEqual(range(25))
  })
})
