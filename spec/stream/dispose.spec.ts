import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { RowError, WriteError } from '../../lib/index.ts'
import { idsSent, range, row, scene, settled, written } from './support.ts'
import { automatic, noUnhandledRejections, reasonOf, rowsOf, webScene } from './webSupport.ts'

const never = 60_000
const left = {
  code: 'ERR_CASSANDRA_WRITE',
  message: expect.stringContaining('before its end, with 2 rows'),
  counts: { rows_accepted: 2, rows_written: 0, rows_deleted: 0, rows_failed: 2 },
}

noUnhandledRejections()

describe('await using a Writable', () => {
  it('throws nothing after a pipeline that succeeded, and waits until everything is released', async () => {
    const { client, sink, events } = scene({}, automatic)
    {
      await using disposed = sink
      await pipeline(Readable.from(range(3).map(id => row(id))), disposed)
    }
    expect(events).toEqual(['finish', 'close'])
    expect(idsSent(client)).toEqual(range(3))
  })

  it('throws nothing after a pipeline that failed, whose error stays as it is', async () => {
    const { sink } = scene({}, automatic)
    const failing = async () => {
      await using disposed = sink
      await pipeline(Readable.from([{ id: 'x' }]), disposed)
    }
    expect(await reasonOf(failing())).toBeInstanceOf(RowError)
    expect(sink.closed).toBe(true)
  })

  it('destroys a sink without rows', async () => {
    const { sink, events } = scene()
    {
      await using disposed = sink
      expect(disposed.destroyed).toBe(false)
    }
    expect(events).toEqual(['close'])
  })

  it('destroys a sink that is still connecting', async () => {
    const { sink, events } = scene({}, client => {
      client.connect = () => new Promise(() => {})
    })
    await sink[Symbol.asyncDispose]()
    expect(events).toEqual(['close'])
  })

  it('waits for the last acknowledgement of a sink that was ended', async () => {
    const { client, sink, events } = scene()
    sink.end(row(1))
    const disposing = sink[Symbol.asyncDispose]()
    const write = await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    write.acknowledge()
    await disposing
    expect(events).toEqual(['finish', 'close'])
  })

  it('throws the error of a sink that was ended, even without listeners', async () => {
    const { sink } = scene({}, automatic)
    sink.removeAllListeners('error')
    const leaving = async () => {
      await using disposed = sink
      disposed.write({ id: 'x' })
      disposed.end()
    }
    expect(await reasonOf(leaving())).toBeInstanceOf(RowError)
    expect(sink.closed).toBe(true)
  })

  it('throws nothing after a failure that was already reported', async () => {
    const { sink, errors, closed } = scene({}, automatic)
    sink.end({ id: 'x' })
    await closed
    await sink[Symbol.asyncDispose]()
    expect(errors).toMatchObject([{ code: 'ERR_CASSANDRA_VALUE' }])
  })

  it('reports rows that are lost because the sink was not ended', async () => {
    const { client, sink, events, errors } = scene({ flush_interval_ms: never })
    const leaving = async () => {
      await using disposed = sink
      await written(disposed, row(1))
      await written(disposed, row(2))
    }
    const error = await reasonOf(leaving())
    expect(error).toBeInstanceOf(WriteError)
    expect(error).toMatchObject(left)
    expect(errors).toEqual([error])
    expect(events).toEqual(['error', 'close'])
    expect(client.writes).toEqual([])
  })

  it('reports rows that were given to write() and not accepted', async () => {
    const { sink } = scene({ flush_interval_ms: never })
    sink.write(row(1))
    sink.write(row(2))
    expect(await reasonOf(sink[Symbol.asyncDispose]())).toMatchObject({ message: left.message })
  })

  it('reports nothing when every row is acknowledged already', async () => {
    const { client, sink, events } = scene({}, automatic)
    await written(sink, row(1))
    await client.writesReach(1)
    await settled()
    expect(sink.stats.rows_written).toBe(1)
    await sink[Symbol.asyncDispose]()
    expect(events).toEqual(['close'])
  })
})

describe('await using a WritableStream', () => {
  it('waits for the end even if close() was called again, and refused', async () => {
    const { stream } = webScene({}, automatic)
    {
      await using disposed = stream
      const writer = disposed.getWriter()
      for (const id of range(2_000)) void writer.write(row(id))
      void writer.close()
      await expect(writer.close()).rejects.toBeInstanceOf(TypeError)
    }
    expect(stream.stats.rows_written).toBe(2_000)
  })

  it.each([1, 2_000])('waits for a stream of %i rows whose close() was not awaited', async count => {
    const { client, stream } = webScene({}, automatic)
    {
      await using disposed = stream
      const writer = disposed.getWriter()
      for (const id of range(count)) void writer.write(row(id))
      void writer.close()
    }
    expect(stream.stats.rows_written).toBe(count)
    expect(idsSent(client).length).toBe(count)
  })

  it('throws nothing after a pipeTo that succeeded', async () => {
    const { client, stream } = webScene({}, automatic)
    {
      await using disposed = stream
      await rowsOf(3).pipeTo(disposed)
    }
    expect(idsSent(client)).toEqual(range(3))
  })

  it('throws nothing after a pipeTo that failed, whose error stays as it is', async () => {
    const { stream } = webScene({}, automatic)
    const failing = async () => {
      await using disposed = stream
      await new ReadableStream({ start: controller => controller.enqueue({ id: 'x' }) }).pipeTo(disposed)
    }
    expect(await reasonOf(failing())).toBeInstanceOf(RowError)
  })

  it('stops a stream without rows, also while it connects', async () => {
    const { stream } = webScene({}, client => {
      client.connect = () => new Promise(() => {})
    })
    await stream[Symbol.asyncDispose]()
    expect(await reasonOf(stream.getWriter().closed)).toMatchObject({ name: 'AbortError' })
  })

  it('waits for the last acknowledgement of a stream that is closing', async () => {
    const { client, stream, events, note } = webScene()
    const writer = stream.getWriter()
    await writer.write(row(1))
    note('close', writer.close())
    const disposing = note('dispose', stream[Symbol.asyncDispose]())
    const write = await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    write.acknowledge()
    await disposing
    await settled()
    expect(events.toSorted()).toEqual(['close', 'dispose'])
  })

  it('reports rows that are lost because the stream was not closed, even if it is locked', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never })
    const writer = stream.getWriter()
    const leaving = async () => {
      await using _ = stream
      await writer.write(row(1))
      await writer.write(row(2))
    }
    const error = await reasonOf(leaving())
    expect(error).toBeInstanceOf(WriteError)
    expect(error).toMatchObject(left)
    expect(await reasonOf(writer.closed)).toBe(error)
    expect(client.writes).toEqual([])
  })

  it('rejects a waiting write with the error that it reports', async () => {
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none' })
    const writer = stream.getWriter()
    await writer.write(row(1))
    const waiting = reasonOf(writer.write(row(2)))
    await client.nextWrite()
    const error = await reasonOf(stream[Symbol.asyncDispose]())
    expect(error).toMatchObject(left)
    expect(await waiting).toBe(error)
  })
})
