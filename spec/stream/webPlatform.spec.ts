import { describe, expect, it } from 'vitest'
import type { CassandraWritableOptions } from '../../lib/index.ts'
import { idsSent, range, row, serverError, settled } from './support.ts'
import { automatic, noUnhandledRejections, reasonOf, webScene } from './webSupport.ts'

// Tests of the Web Platform Tests (streams/writable-streams/*.any.js) that hold for every sink, run with this sink. The
// originals keep start(), write() and close() pending with promises. Here a connection that hangs, a row that waits for its
// turn, and a missing acknowledgement do the same.

const error1 = new Error('error1')
const error2 = new Error('error2')

noUnhandledRejections()

/** start() is pending. */
function starting(options: Partial<CassandraWritableOptions> = {}) {
  const scene = webScene(options, client => {
    client.connect = () => new Promise(() => {})
  })
  return { ...scene, writer: scene.stream.getWriter() }
}

async function started(options: Partial<CassandraWritableOptions> = {}) {
  const scene = webScene(options, automatic)
  const writer = scene.stream.getWriter()
  await settled()
  return { ...scene, writer }
}

/** One row is in flight, and write() of the next row is pending. */
async function writing(options: Partial<CassandraWritableOptions> = {}) {
  const scene = webScene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none', ...options })
  const writer = scene.stream.getWriter()
  await writer.write(row(0))
  const request = await scene.client.nextWrite()
  const inFlight = scene.note('write', writer.write(row(1)))
  await settled()
  expect(scene.events).toEqual([])
  return { ...scene, writer, request, inFlight }
}

/** close() is pending. */
async function closing(options: Partial<CassandraWritableOptions> = {}) {
  const scene = webScene(options)
  const writer = scene.stream.getWriter()
  await writer.write(row(0))
  const closed = writer.close()
  const request = await scene.client.nextWrite()
  return { ...scene, writer, request, closed }
}

describe('start.any.js', () => {
  it('write() waits for start, and desiredSize goes down at once', async () => {
    const { client, writer, events, note } = starting()
    note('write', writer.write(row(1)))
    expect(writer.desiredSize).toBe(15)
    await settled()
    expect(events).toEqual([])
    expect(client.writes).toEqual([])
    await writer.abort()
  })

  it('close() waits for start, and desiredSize stays', async () => {
    const { writer, events, note } = starting()
    note('close', writer.close())
    expect(writer.desiredSize).toBe(16)
    await settled()
    expect(events).toEqual([])
    await writer.abort()
  })

  it('an error during start fails the write and the close that wait', async () => {
    const abort = new AbortController()
    const { client, writer } = starting({ signal: abort.signal })
    const [write, close] = [reasonOf(writer.write(row(1))), reasonOf(writer.close())]
    abort.abort(error1)
    expect(await write).toBe(error1)
    expect(await close).toBe(error1)
    expect(client.writes).toEqual([])
  })

  it('promises reject in the standard order when start rejects', async () => {
    const { stream, events, note } = webScene({}, client => {
      client.connectError = new Error('refused')
    })
    const writer = stream.getWriter()
    const closed = note('closed', writer.closed)
    note('write', writer.write(row(1)))
    await closed
    await settled()
    expect(events).toEqual(['!write', '!closed'])
  })

  it('no write or close is attempted when start rejects', async () => {
    const { client, stream } = webScene({}, client => {
      client.connectError = new Error('refused')
    })
    const writer = stream.getWriter()
    await Promise.all([reasonOf(writer.write(row(1))), reasonOf(writer.close())])
    expect(client.writes).toEqual([])
    expect(stream.stats.rows_accepted).toBe(0)
  })
})

describe('write.any.js', () => {
  it('a rejected write clears queued writes and close, with its error', async () => {
    const { client, writer } = await started({ batch_by: 'none' })
    const [first, second, third, close] = [
      reasonOf(writer.write({ id: 'bad' })),
      reasonOf(writer.write(row(2))),
      reasonOf(writer.write(row(3))),
      reasonOf(writer.close()),
    ]
    const error = await first
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
    expect([await second, await third, await close]).toEqual([error, error, error])
    expect(client.writes).toEqual([])
  })

  it('an errored stream refuses to close', async () => {
    const { writer } = await started()
    await reasonOf(writer.write({ id: 'bad' }))
    expect(await reasonOf(writer.close())).toBeInstanceOf(Error)
  })

  it('desiredSize, write() and ready follow the sink', async () => {
    const { writer, request, events, note, inFlight } = await writing()
    for (const id of range(15)) note(`write ${id}`, writer.write(row(id)))
    expect(writer.desiredSize).toBe(0)
    const ready = note('ready', writer.ready)
    await settled()
    expect(events).toEqual([])
    request.acknowledge()
    await inFlight
    await ready
    expect(events).toEqual(['write', 'ready'])
    expect(writer.desiredSize).toBe(1)
    await writer.abort()
  })

  it('ready rejects on an error without waiting for the write', async () => {
    const abort = new AbortController()
    const { writer } = await writing({ signal: abort.signal })
    abort.abort(error1)
    expect(await reasonOf(writer.ready)).toBe(error1)
  })
})

describe('error.any.js', () => {
  it('the first error wins', async () => {
    const abort = new AbortController()
    const { client, stream } = webScene({ signal: abort.signal })
    const writer = stream.getWriter()
    await writer.write(row(1))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    const error = await reasonOf(writer.closed)
    abort.abort(error2)
    expect(await reasonOf(writer.closed)).toBe(error)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
  })

  it('an error after close() changes nothing', async () => {
    const abort = new AbortController()
    const { writer } = await started({ signal: abort.signal })
    await writer.close()
    abort.abort(error1)
    await settled()
    await expect(writer.closed).resolves.toBeUndefined()
  })
})

describe('aborting.any.js', () => {
  it('before start: the pending ready rejects and stays the same promise', async () => {
    const { writer } = starting()
    const writes = range(16).map(id => reasonOf(writer.write(row(id))))
    const { ready } = writer
    const aborting = writer.abort(error1)
    expect(writer.ready).toBe(ready)
    expect(await reasonOf(ready)).toBe(error1)
    expect(new Set(await Promise.all(writes))).toEqual(new Set([error1]))
    await aborting
  })

  it('before start: the fulfilled ready is replaced at once by a rejected one', async () => {
    const { writer } = starting()
    const { ready } = writer
    const aborting = writer.abort(error1)
    expect(writer.ready).not.toBe(ready)
    await expect(ready).resolves.toBeUndefined()
    expect(await reasonOf(writer.ready)).toBe(error1)
    await aborting
  })

  it('before start: the other promises of the writer reject in the standard order', async () => {
    const { client, writer, events, note } = starting()
    const first = note('write 1', writer.write(row(1)))
    const abort = note('abort', writer.abort(error1))
    const second = note('write 2', writer.write(row(2)))
    const close = note('close', writer.close())
    expect(await Promise.all([first, second, close])).toEqual([error1, error1, error1])
    await abort
    expect(events).toEqual(['!write 2', '!write 1', 'abort', '!close'])
    expect(client.writes).toEqual([])
  })

  it('is fulfilled although start rejects', async () => {
    const { stream } = webScene({}, client => {
      client.connectError = new Error('refused')
    })
    await expect(stream.abort(error1)).resolves.toBeUndefined()
    expect(await reasonOf(stream.getWriter().closed)).toBe(error1)
  })

  it('prevents every later write', async () => {
    const { client, writer } = await started()
    const aborting = writer.abort(error1)
    expect(await reasonOf(writer.write(row(1)))).toBe(error1)
    expect(await reasonOf(writer.write(row(2)))).toBe(error1)
    await aborting
    expect(client.writes).toEqual([])
  })

  it('is fulfilled with undefined, whatever the reason', async () => {
    for (const reason of [undefined, 'a text', error1]) {
      const { stream } = webScene()
      await expect(stream.abort(reason)).resolves.toBeUndefined()
      expect(await reasonOf(stream.getWriter().closed)).toBe(reason)
    }
  })

  it('puts the stream in an errored state: ready rejects before closed', async () => {
    const { writer, events, note } = await started()
    const abort = writer.abort(error1)
    note('ready', writer.ready)
    const closed = note('closed', writer.closed)
    const rejected = [writer.write(row(1)), writer.ready, writer.closed].map(reasonOf)
    expect(await Promise.all(rejected)).toEqual([error1, error1, error1])
    await Promise.all([abort, closed])
    expect(events).toEqual(['!ready', '!closed'])
  })

  it('rejects the write in flight and the queued ones in order, and then closed', async () => {
    const { writer, events, note } = await writing()
    note('write 2', writer.write(row(2)))
    note('write 3', writer.write(row(3)))
    const closed = note('closed', writer.closed)
    note('abort', writer.abort(error1))
    expect(await closed).toBe(error1)
    await settled()
    expect(events).toEqual(['!write', '!write 2', '!write 3', 'abort', '!closed'])
  })

  it('during a write rejects the close that is queued', async () => {
    const { writer, inFlight } = await writing()
    const close = reasonOf(writer.close())
    await expect(writer.abort(error1)).resolves.toBeUndefined()
    expect(await inFlight).toBe(error1)
    expect(await close).toBe(error1)
  })

  it('right after close() and before start errors the stream', async () => {
    const { writer } = starting()
    const close = reasonOf(writer.close())
    const abort = writer.abort(error1)
    expect(await reasonOf(writer.closed)).toBe(error1)
    expect(await close).toBe(error1)
    await abort
  })

  it('while closing: close, abort and closed settle in the standard order', async () => {
    const { writer, closed, events, note } = await closing()
    note('close', closed)
    note('abort', writer.abort(error1))
    const last = note('closed', writer.closed)
    expect(await last).toBe(error1)
    expect(events).toEqual(['!close', '!abort', '!closed'])
  })

  it('after close() does nothing', async () => {
    const { writer } = await started()
    await writer.close()
    await expect(writer.abort(error1)).resolves.toBeUndefined()
    await expect(writer.closed).resolves.toBeUndefined()
  })

  it('an error that comes later loses', async () => {
    const signal = new AbortController()
    const { writer, inFlight } = await writing({ signal: signal.signal })
    const abort = writer.abort(error1)
    signal.abort(error2)
    expect(await inFlight).toBe(error1)
    expect(await reasonOf(writer.closed)).toBe(error1)
    await abort
  })

  it('loses against an error that came before, and rejects with it', async () => {
    const signal = new AbortController()
    const { writer, inFlight } = await writing({ signal: signal.signal })
    signal.abort(error1)
    const abort = reasonOf(writer.abort(error2))
    expect(await inFlight).toBe(error1)
    expect(await abort).toBe(error1)
    expect(await reasonOf(writer.closed)).toBe(error1)
  })

  it('twice at once and twice in turn is fulfilled', async () => {
    const { stream } = webScene()
    expect(await Promise.all([stream.abort(), stream.abort()])).toEqual([undefined, undefined])
    await expect(stream.abort()).resolves.toBeUndefined()
  })

  it('on an errored stream is fulfilled', async () => {
    const { writer } = await started()
    await reasonOf(writer.write({ id: 'bad' }))
    await expect(writer.abort(error1)).resolves.toBeUndefined()
  })

  it('on a locked stream is refused, and the stream continues', async () => {
    const { client, stream, writer } = await started()
    expect(await reasonOf(stream.abort(error1))).toBeInstanceOf(TypeError)
    await writer.write(row(1))
    await writer.close()
    expect(idsSent(client)).toEqual([1])
  })

  it('shows in ready of a second writer', async () => {
    const { stream, writer } = await writing()
    const abort = writer.abort(error1)
    writer.releaseLock()
    expect(await reasonOf(stream.getWriter().ready)).toBe(error1)
    await abort
  })

  it('continues when the lock is released, and closed of the first writer rejects with a TypeError', async () => {
    const { writer, inFlight } = await writing()
    const { closed } = writer
    const abort = writer.abort(error1)
    writer.releaseLock()
    expect(await inFlight).toBe(error1)
    await expect(abort).resolves.toBeUndefined()
    expect(await reasonOf(closed)).toBeInstanceOf(TypeError)
  })
})

describe('close.any.js', () => {
  it('is fulfilled with undefined, and close comes before closed', async () => {
    const { writer, events, note } = await started()
    const close = note('close', writer.close())
    const closed = note('closed', writer.closed)
    expect(await Promise.all([close, closed])).toEqual([undefined, undefined])
    expect(events).toEqual(['close', 'closed'])
  })

  it('leaves desiredSize and ready alone', async () => {
    const { writer } = await started()
    const close = writer.close()
    expect(writer.desiredSize).toBe(16)
    await expect(writer.ready).resolves.toBeUndefined()
    await close
    expect(writer.desiredSize).toBe(0)
  })

  it('fulfils a ready that waits, before what is queued is written', async () => {
    const { writer, events, note, inFlight } = await writing()
    for (const id of range(16)) writer.write(row(id)).catch(() => {})
    note('ready', writer.ready)
    await settled()
    expect(events).toEqual([])
    const close = reasonOf(writer.close())
    await settled()
    expect(events).toEqual(['ready'])
    await writer.abort(error1)
    expect([await inFlight, await close]).toEqual([error1, error1])
  })

  it('rejects after the write in flight has settled', async () => {
    const signal = new AbortController()
    const { writer, events, note } = await writing({ signal: signal.signal })
    const close = note('close', writer.close())
    signal.abort(error1)
    expect(await close).toBe(error1)
    expect(events).toEqual(['!write', '!close'])
  })

  it('makes ready and closed reject with what it rejects with', async () => {
    const { writer, request, closed } = await closing()
    request.fail(serverError(0x2100, 'no permission'))
    const error = await reasonOf(closed)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
    expect([await reasonOf(writer.ready), await reasonOf(writer.closed)]).toEqual([error, error])
  })

  it('continues when the lock is released', async () => {
    const { stream, writer, request, closed } = await closing()
    const before = writer.closed
    writer.releaseLock()
    request.acknowledge()
    await expect(closed).resolves.toBeUndefined()
    expect(await reasonOf(before)).toBeInstanceOf(TypeError)
    expect(stream.getWriter().desiredSize).toBe(0)
  })

  it('makes ready of a later writer fulfilled', async () => {
    const { stream, writer } = await started()
    await writer.close()
    writer.releaseLock()
    await expect(stream.getWriter().ready).resolves.toBeUndefined()
  })

  it('is refused on a stream that is locked, closing, closed or errored', async () => {
    const locked = await started()
    expect(await reasonOf(locked.stream.close())).toBeInstanceOf(TypeError)
    const pending = await closing()
    expect(await reasonOf(pending.writer.close())).toBeInstanceOf(TypeError)
    await reasonOf(pending.writer.abort())
    await reasonOf(pending.closed)
    const closed = webScene({}, automatic)
    await closed.stream.close()
    expect(await reasonOf(closed.stream.close())).toBeInstanceOf(TypeError)
    const errored = webScene()
    await errored.stream.abort(error1)
    expect(await reasonOf(errored.stream.close())).toBeInstanceOf(Error)
  })
})

describe('general.any.js', () => {
  it('desiredSize throws on a released writer, and is null on an errored stream', async () => {
    const { stream, writer } = await started()
    writer.releaseLock()
    expect(() => writer.desiredSize).toThrow(TypeError)
    await stream.abort()
    expect(stream.getWriter().desiredSize).toBe(null)
  })

  it('closed and ready of a released writer reject with one TypeError', async () => {
    const { writer } = await started()
    writer.releaseLock()
    const reason = await reasonOf(writer.closed)
    expect(reason).toBeInstanceOf(TypeError)
    expect(await reasonOf(writer.ready)).toEqual(reason)
  })

  it('rows of one writer after the other are all written', async () => {
    const { client, stream, writer } = await started()
    void writer.write(row(1))
    writer.releaseLock()
    const next = stream.getWriter()
    void next.write(row(2))
    await next.close()
    expect(idsSent(client)).toEqual([1, 2])
  })
})

describe('reentrant-strategy.any.js', () => {
  const acting = (act: () => void) => ({
    id: 1,
    get v() {
      act()
      return 'v1'
    },
  })

  it('close() while a row is read refuses the row', async () => {
    const { client, writer } = await started()
    let close: Promise<void> | undefined
    const write = writer.write(
      acting(() => {
        close = writer.close()
      }),
    )
    expect(await reasonOf(write)).toBeInstanceOf(TypeError)
    await expect(close).resolves.toBeUndefined()
    expect(client.writes).toEqual([])
  })

  it('abort() while a row is read refuses the row with the reason', async () => {
    const { client, writer } = await started()
    const write = writer.write(acting(() => void writer.abort(error1)))
    expect(await reasonOf(write)).toBe(error1)
    await settled()
    expect(client.writes).toEqual([])
  })

  it('an error while a row is read refuses the row with it', async () => {
    const signal = new AbortController()
    const { client, writer } = await started({ signal: signal.signal })
    const write = writer.write(acting(() => signal.abort(error1)))
    expect(await reasonOf(write)).toBe(error1)
    expect(client.writes).toEqual([])
  })
})
