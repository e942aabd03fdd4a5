import { describe, expect, it } from 'vitest'
import { type CassandraWritableOptions, RowError } from '../../lib/index.ts'
import { idsSent, range, row, serverError, settled } from './support.ts'
import { automatic, Endless, noUnhandledRejections, reasonOf, webScene } from './webSupport.ts'

const never = 60_000

/** A sink whose handler of bad rows never ends, with a request in flight. `busy` resolves when the handler was called. */
async function busyHandler(options: Partial<CassandraWritableOptions> = {}, bad: unknown = { id: 'bad' }) {
  let called = (_: unknown) => {}
  const busy = new Promise(resolve => {
    called = resolve
  })
  const on_bad_row = () => {
    called(undefined)
    return new Promise<void>(() => {})
  }
  const web = webScene({ rows_per_batch: 1, on_bad_row, ...options })
  const writer = web.stream.getWriter()
  const first = await writer.write(row(1)).then(() => web.client.nextWrite())
  const writing = writer.write(bad as object)
  writing.catch(() => {})
  return { ...web, writer, first, busy, writing }
}

noUnhandledRejections()

describe('close()', () => {
  it('resolves without a request when nothing was written', async () => {
    const { client, stream } = webScene()
    await stream.close()
    expect(client.writes).toEqual([])
  })

  it('resolves only after the last acknowledgement', async () => {
    const { client, stream, events, note } = webScene()
    const writer = stream.getWriter()
    void writer.write(row(1))
    const closing = note('close', writer.close())
    note('closed', writer.closed)
    const write = await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    write.acknowledge()
    await closing
    await writer.closed
    expect(events).toEqual(['close', 'closed'])
  })

  it('flushes the buffer', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never }, automatic)
    const writer = stream.getWriter()
    void writer.write(row(1))
    void writer.write(row(2))
    await writer.close()
    expect(idsSent(client)).toEqual([1, 2])
  })

  it('rejects with the error of the last flush', async () => {
    const { client, stream } = webScene()
    const writer = stream.getWriter()
    await writer.write(row(1))
    const closing = writer.close()
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    const expected = { code: 'ERR_CASSANDRA_UNAUTHORIZED', counts: { rows_accepted: 1, rows_failed: 1 } }
    expect(await reasonOf(closing)).toMatchObject(expected)
    expect(await reasonOf(writer.closed)).toMatchObject(expected)
  })

  it('leaves a borrowed client open', async () => {
    const { client, stream } = webScene({}, automatic)
    await stream.close()
    expect(client.shutdowns).toBe(0)
  })
})

describe('abort()', () => {
  it.each([
    [
      'while connecting hangs',
      (client: { connect: () => Promise<void> }) => {
        client.connect = () => new Promise(() => {})
      },
    ],
    [
      'before the schema is read',
      (client: { execute: unknown }) => {
        client.execute = () => new Promise(() => {})
      },
    ],
  ] as const)('resolves at once %s', async (_, change) => {
    const { stream } = webScene({}, change)
    const reason = new Error('enough')
    const writer = stream.getWriter()
    const write = reasonOf(writer.write(row(1)))
    await writer.abort(reason)
    expect(await write).toBe(reason)
    expect(await reasonOf(writer.closed)).toBe(reason)
  })

  it('rejects a write that waits for its turn with the reason', async () => {
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1 })
    const reason = new Error('enough')
    const writer = stream.getWriter()
    void writer.write(row(1))
    const waiting = reasonOf(writer.write(row(2)))
    const queued = reasonOf(writer.write(row(3)))
    await client.nextWrite()
    await settled()
    await writer.abort(reason)
    expect(await waiting).toBe(reason)
    expect(await queued).toBe(reason)
    expect(idsSent(client)).toEqual([1])
  })

  it('drops rows in the buffer and counts them as failed', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never })
    const writer = stream.getWriter()
    await writer.write(row(1))
    await writer.abort()
    await settled()
    expect(client.writes).toEqual([])
    expect(stream.stats).toMatchObject({ rows_accepted: 1, rows_failed: 1, rows_buffered: 0 })
  })

  it('does not wait for requests in flight, and later answers change nothing', async () => {
    const { client, stream } = webScene()
    const writer = stream.getWriter()
    await writer.write(row(1))
    const write = await client.nextWrite()
    await writer.abort(new Error('enough'))
    expect(stream.stats).toMatchObject({ rows_written: 0, rows_failed: 1, rows_in_flight: 0 })
    write.acknowledge()
    await settled()
    expect(stream.stats.rows_written + stream.stats.rows_failed).toBe(1)
  })

  it('ends the pause between two attempts', async () => {
    const { client, stream } = webScene()
    const writer = stream.getWriter()
    await writer.write(row(1))
    ;(await client.nextWrite()).fail(serverError(0x1001))
    await writer.abort()
    await settled()
    expect(client.writes.length).toBe(1)
  })

  it('ends a close() that waits for its last acknowledgement', async () => {
    const { client, stream } = webScene()
    const reason = new Error('enough')
    const writer = stream.getWriter()
    void writer.write(row(1))
    const closing = reasonOf(writer.close())
    await client.nextWrite()
    const aborting = reasonOf(writer.abort(reason))
    expect(await closing).toBe(reason)
    expect(await aborting).toBe(reason)
    expect(stream.stats.rows_failed).toBe(1)
  })

  it('does not wait for a handler of bad rows', async () => {
    const { writer, busy, writing } = await busyHandler()
    await busy
    const reason = new Error('enough')
    await writer.abort(reason)
    expect(await reasonOf(writing)).toBe(reason)
    expect(await reasonOf(writer.closed)).toBe(reason)
  })

  it('does not wait for a handler of a row that only Cassandra refuses', async () => {
    const { client, writer, busy, first, stream } = await busyHandler({}, row(2))
    first.fail(serverError(0x2200, 'too long'))
    await busy
    const closing = reasonOf(writer.close())
    const reason = new Error('enough')
    const aborting = writer.abort(reason).catch(() => {})
    expect(await closing).toBe(reason)
    await aborting
    await settled()
    expect(stream.stats).toMatchObject({ rows_failed: 2, requests_in_flight: client.pending.length })
  })

  it('may be awaited in a handler of bad rows', async () => {
    const reason = new Error('one is too many')
    const events: string[] = []
    const { stream } = webScene({
      on_bad_row: async () => {
        await writer.abort(reason)
        events.push('aborted')
      },
    })
    const writer = stream.getWriter()
    expect(await reasonOf(writer.write({ id: 'bad' }))).toBe(reason)
    await settled()
    expect(events).toEqual(['aborted'])
  })

  it.each([
    ['for the columns of a row', { id: 1, w: 2 }],
    ['for the last look at the table', undefined],
  ])('does not wait for a read of the schema, %s', async (_, chunk) => {
    const { client, stream } = webScene({}, automatic)
    const writer = stream.getWriter()
    await writer.write(row(1))
    await stream.flush()
    const { execute } = client
    client.execute = (cql, ...rest) =>
      cql.startsWith('SELECT') ? new Promise(() => {}) : execute.call(client, cql, ...rest)
    const ending = reasonOf(chunk === undefined ? writer.close() : writer.write(chunk))
    await settled()
    const reason = new Error('enough')
    const aborting = writer.abort(reason).catch(() => {})
    expect(await ending).toBe(reason)
    await aborting
  })

  it('leaves a borrowed client open', async () => {
    const { client, stream } = webScene()
    await stream.abort()
    expect(client.shutdowns).toBe(0)
  })
})

describe('a failure', () => {
  it('errors an idle stream at once, without waiting for the next write', async () => {
    const { client, stream } = webScene()
    const writer = stream.getWriter()
    await writer.write(row(1))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    const error = await reasonOf(writer.closed)
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED', counts: { rows_failed: 1 } })
    expect(await reasonOf(writer.ready)).toBe(error)
    expect(writer.desiredSize).toBe(null)
    expect(await reasonOf(writer.write(row(2)))).toBe(error)
  })

  it('is reported after the other requests in flight are answered, with exact counts', async () => {
    const { client, stream, events, note } = webScene({ rows_per_batch: 3, batch_by: 'none' })
    const writer = stream.getWriter()
    for (const id of range(3)) void writer.write(row(id))
    const closed = note('closed', writer.closed)
    await client.writesReach(3)
    const [first, second, third] = [...client.pending]
    second?.fail(serverError(0x2100, 'no permission'))
    first?.acknowledge()
    await settled()
    expect(events).toEqual([])
    third?.acknowledge()
    expect(await closed).toMatchObject({
      counts: { rows_accepted: 3, rows_written: 2, rows_deleted: 0, rows_failed: 1 },
    })
  })

  it('rejects a write that waits for its turn with the same error', async () => {
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1, batch_by: 'none' })
    const writer = stream.getWriter()
    void writer.write(row(1))
    const waiting = reasonOf(writer.write(row(2)))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    expect(await waiting).toBe(await reasonOf(writer.closed))
    expect(client.writes.length).toBe(1)
  })

  it('does not wait for a handler of bad rows, and ends pipeTo()', async () => {
    const { writer, first, busy, stream } = await busyHandler()
    writer.releaseLock()
    const loading = reasonOf(new ReadableStream(new Endless()).pipeTo(stream))
    await busy
    first.fail(serverError(0x2100, 'no permission'))
    expect(await loading).toMatchObject({
      code: 'ERR_CASSANDRA_UNAUTHORIZED',
      counts: { rows_accepted: 1, rows_failed: 1, rows_set_aside: 0 },
    })
  })

  it('does not wait for a handler of a row that only Cassandra refuses', async () => {
    const { client, writer, first, busy } = await busyHandler({}, row(2))
    await client.writesReach(2)
    first.fail(serverError(0x2200, 'too long'))
    await busy
    client.pending[0]?.fail(serverError(0x2100, 'no permission'))
    expect(await reasonOf(writer.closed)).toMatchObject({
      code: 'ERR_CASSANDRA_UNAUTHORIZED',
      counts: { rows_accepted: 2, rows_failed: 2, rows_set_aside: 0 },
      unacknowledged: [{ from: 0, to: 1 }],
    })
  })

  it('may be a bad row: the rows before it are written, and no row after it is sent', async () => {
    const { client, stream } = webScene({ flush_interval_ms: never }, automatic)
    const writer = stream.getWriter()
    const [, , bad, after] = [row(0), row(1), { id: 'two' }, row(3)].map(chunk => {
      const writing = writer.write(chunk)
      writing.catch(() => {})
      return writing
    })
    const error = await reasonOf(writer.closed)
    expect(error).toBeInstanceOf(RowError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_VALUE',
      row_index: 2,
      column: 'id',
      counts: { rows_accepted: 2, rows_written: 2, rows_failed: 0 },
    })
    expect(await reasonOf(bad as Promise<void>)).toBe(error)
    expect(await reasonOf(after as Promise<void>)).toBe(error)
    expect(idsSent(client)).toEqual([0, 1])
  })

  it.each([
    ['a number', 7],
    ['text', 'row'],
    ['undefined', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['an array', [1, 'x']],
    ['a function', () => row(1)],
  ])('may be a row that is %s, and the error names what it is', async (_, chunk) => {
    const { stream } = webScene()
    const error = await reasonOf((stream as WritableStream).getWriter().write(chunk))
    expect(error).toMatchObject({ code: 'ERR_CASSANDRA_ROW_TYPE', row_index: 0 })
  })

  it.each([
    [
      'ERR_CASSANDRA_CONNECT',
      (client: { connectError: Error | undefined }) => {
        client.connectError = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
      },
    ],
    [
      'ERR_CASSANDRA_TABLE_NOT_FOUND',
      (client: { columns: unknown }) => {
        client.columns = []
      },
    ],
  ] as const)('to open is %s everywhere, and nothing is written', async (code, change) => {
    const { client, stream } = webScene({}, change as (client: object) => void)
    const writer = stream.getWriter()
    const reasons = await Promise.all([
      reasonOf(writer.write(row(1))),
      reasonOf(writer.close()),
      reasonOf(writer.closed),
    ])
    expect(reasons[0]).toMatchObject({ code })
    expect(new Set([...reasons, await reasonOf(writer.ready)]).size).toBe(1)
    expect(client.writes).toEqual([])
  })

  it('without listeners is no unhandled rejection', async () => {
    const { client, stream } = webScene()
    const writer = stream.getWriter()
    await writer.write(row(1))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    await settled()
    expect(stream.stats.rows_failed).toBe(1)
  })
})

describe('AbortSignal', () => {
  it('that is already aborted prevents all writes and connects nowhere', async () => {
    const { client, stream } = webScene({ signal: AbortSignal.abort() })
    expect(await reasonOf(stream.getWriter().closed)).toMatchObject({ name: 'AbortError' })
    await settled()
    expect(client.connects).toBe(0)
  })

  it('ends a connection attempt that hangs, and the error is its reason', async () => {
    const abort = new AbortController()
    const reason = new Error('changed my mind')
    const { stream } = webScene({ signal: abort.signal }, client => {
      client.connect = () => new Promise(() => {})
    })
    const writing = reasonOf(stream.getWriter().write(row(1)))
    await settled()
    abort.abort(reason)
    expect(await writing).toBe(reason)
  })

  it('ends a stream with requests in flight and a waiting write', async () => {
    const abort = new AbortController()
    const { client, stream } = webScene({ signal: abort.signal, concurrency: 1, rows_per_batch: 1 })
    const writer = stream.getWriter()
    await writer.write(row(1))
    const waiting = reasonOf(writer.write(row(2)))
    await client.nextWrite()
    abort.abort()
    expect(await waiting).toBe(abort.signal.reason)
    expect(await reasonOf(writer.closed)).toBe(abort.signal.reason)
    expect(stream.stats).toMatchObject({ rows_in_flight: 0, requests_in_flight: 1 })
  })

  it('ends a close() that waits for its last acknowledgement', async () => {
    const abort = new AbortController()
    const { client, stream } = webScene({ signal: abort.signal })
    const writer = stream.getWriter()
    void writer.write(row(1))
    const closing = reasonOf(writer.close())
    await client.nextWrite()
    abort.abort()
    expect(await closing).toBe(abort.signal.reason)
  })

  it('does not wait for a handler of bad rows', async () => {
    const abort = new AbortController()
    const { writer, busy, writing } = await busyHandler({ signal: abort.signal })
    await busy
    abort.abort()
    expect(await reasonOf(writing)).toBe(abort.signal.reason)
    expect(await reasonOf(writer.closed)).toBe(abort.signal.reason)
  })

  it('does nothing after close', async () => {
    const abort = new AbortController()
    const { stream } = webScene({ signal: abort.signal }, automatic)
    const writer = stream.getWriter()
    await writer.write(row(1))
    await writer.close()
    abort.abort()
    await expect(writer.closed).resolves.toBeUndefined()
  })

  it('ends pipeTo at once, and the source is cancelled', async () => {
    const abort = new AbortController()
    const { client, stream } = webScene({ concurrency: 1, rows_per_batch: 1, signal: abort.signal })
    const source = new Endless()
    const loading = reasonOf(new ReadableStream(source).pipeTo(stream))
    await client.nextWrite()
    abort.abort()
    expect(await loading).toBe(abort.signal.reason)
    expect(source.cancelled).toBe(abort.signal.reason)
  })

  it('of pipeTo waits for the rows that were read, as the standard says, and then aborts', async () => {
    const abort = new AbortController()
    const { client, stream, events, note } = webScene({ concurrency: 1, rows_per_batch: 1 })
    const source = new Endless()
    const loading = note('pipeTo', new ReadableStream(source).pipeTo(stream, { signal: abort.signal }))
    const write = await client.nextWrite()
    abort.abort()
    await settled()
    expect(events).toEqual([])
    client.automatic = true
    write.acknowledge()
    expect(await loading).toBe(abort.signal.reason)
    expect(events).toEqual(['!pipeTo'])
    expect(source.cancelled).toBe(abort.signal.reason)
    expect(await reasonOf(stream.getWriter().closed)).toBe(abort.signal.reason)
  })
})
