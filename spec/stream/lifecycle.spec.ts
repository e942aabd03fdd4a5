import { finished, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type CassandraWritable, createCassandraWritable, WriteError } from '../../lib/index.ts'
import { idsSent, range, row, scene, serverError, settled, written } from './support.ts'

describe('the end of a stream', () => {
  it('finishes without a request when nothing was written', async () => {
    const { client, sink, events, closed } = scene()
    sink.end()
    await closed
    expect(events).toEqual(['finish', 'close'])
    expect(client.writes).toEqual([])
  })

  it('finishes only after the last acknowledgement', async () => {
    const { client, sink, events, closed } = scene()
    sink.end(row(1))
    const write = await client.nextWrite()
    await settled()
    expect(events).toEqual([])
    write.acknowledge()
    await closed
    expect(events).toEqual(['finish', 'close'])
    expect(sink.stats).toMatchObject({ rows_accepted: 1, rows_written: 1, rows_in_flight: 0, requests: 1 })
  })

  it('comes as usual if the connection is cut while the clock is read', async () => {
    let cuts = 0
    const { client, sink, events } = scene({}, fake => {
      fake.automatic = true
      const execute = fake.execute.bind(fake)
      fake.execute = async (cql, binds, options) => {
        if (cql.includes('toUnixTimestamp') && cuts++ < 2) {
          throw Object.assign(new Error('Socket was closed'), { isSocketError: true })
        }
        return execute(cql, binds, options)
      }
    })
    await new Promise<void>(resolve => sink.end(row(7), resolve))
    expect([cuts, idsSent(client), events]).toEqual([3, [7], ['finish']])
  })

  it('may bring a last row with end(), whose callback comes after the acknowledgement', async () => {
    const { client, sink, events } = scene({}, fake => {
      fake.automatic = true
    })
    await new Promise<void>(resolve => sink.end(row(7), resolve))
    expect(idsSent(client)).toEqual([7])
    expect(events).toEqual(['finish'])
  })

  it('accepts an encoding and a callback in write() and end(), as Node does', async () => {
    const { client, sink } = scene({}, fake => {
      fake.automatic = true
    })
    await new Promise<void>(resolve => sink.write(row(1), 'utf8', () => resolve()))
    await new Promise<void>(resolve => sink.end(row(2), 'utf8', () => resolve()))
    expect(idsSent(client)).toEqual([1, 2])
  })

  it('makes a later write fail with Node’s error for a write after end', async () => {
    const { sink, errors, closed } = scene()
    sink.end()
    sink.write(row(1))
    await closed
    expect(errors).toMatchObject([{ code: 'ERR_STREAM_WRITE_AFTER_END' }])
  })

  it('makes a write after destroy fail through its callback', async () => {
    const { sink, closed } = scene()
    sink.destroy()
    await closed
    await expect(written(sink, row(1))).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  })

  it('cannot be signalled by null: write(null) throws, as in every stream in object mode', () => {
    const { sink } = scene()
    expect(() => sink.write(null as unknown as object)).toThrow(
      expect.objectContaining({ code: 'ERR_STREAM_NULL_VALUES' }),
    )
    sink.destroy()
  })

  it('is an error and not finish if the last flush fails', async () => {
    const { client, sink, events, errors, closed } = scene()
    sink.end(row(1))
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    await closed
    expect(events).toEqual(['error', 'close'])
    expect(errors).toMatchObject([{ code: 'ERR_CASSANDRA_UNAUTHORIZED' }])
  })

  it('settles stream.finished, after success and after failure', async () => {
    const good = scene({}, fake => {
      fake.automatic = true
    })
    const done = new Promise(resolve => finished(good.sink, resolve))
    good.sink.end(row(1))
    expect(await done).toBeFalsy()

    const bad = scene()
    const failed = new Promise(resolve => finished(bad.sink, resolve))
    bad.sink.end({ id: 'x' })
    expect(await failed).toMatchObject({ code: 'ERR_CASSANDRA_VALUE' })
  })

  it('rejects stream.finished if it comes too early', async () => {
    const { sink } = scene()
    const failed = new Promise(resolve => finished(sink, resolve))
    sink.destroy()
    expect(await failed).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  })

  it('is forced by `await using`, which does nothing after finish', async () => {
    const good = scene({}, fake => {
      fake.automatic = true
    })
    {
      await using sink = good.sink as CassandraWritable & AsyncDisposable
      await pipeline(Readable.from([row(1)]), sink)
    }
    expect(good.events).toEqual(['finish', 'close'])

    const early = scene()
    {
      await using _ = early.sink as CassandraWritable & AsyncDisposable
      await settled()
    }
    expect(early.sink.destroyed).toBe(true)
    expect(early.events).not.toContain('finish')
  })

  it('is an error if the server refuses rows of the last flush', async () => {
    const { client, sink, events, errors, closed } = scene({ flush_interval_ms: 60_000 })
    for (const id of range(2)) sink.write(row(id))
    sink.end()
    ;(await client.nextWrite()).fail(serverError(0x2200, 'too odd'))
    ;(await client.nextWrite()).acknowledge()
    ;(await client.nextWrite()).fail(serverError(0x2200, 'too odd'))
    await closed
    expect(events).toEqual(['error', 'close'])
    expect(errors).toMatchObject([
      { code: 'ERR_CASSANDRA_ROW_REFUSED', row_index: 1, counts: { rows_written: 1, rows_failed: 1 } },
    ])
  })

  it('leaves a borrowed client open after finish and after an error', async () => {
    const good = scene()
    good.sink.end()
    await good.closed
    const bad = scene()
    bad.sink.destroy(new Error('enough'))
    await bad.closed
    expect([good.client.shutdowns, bad.client.shutdowns]).toEqual([0, 0])
  })
})

describe('destroy', () => {
  it('fails a waiting write with the counts of rows', async () => {
    const { client, sink, closed } = scene({ rows_per_batch: 1, concurrency: 1, batch_by: 'none' })
    const writes = range(3).map(id => new Promise<unknown>(resolve => sink.write(row(id), resolve)))
    await client.nextWrite()
    await settled()
    sink.destroy()
    await closed
    const [, waiting] = await Promise.all(writes)
    const { rows_accepted, rows_written, rows_deleted, rows_failed } = sink.stats
    expect(rows_failed).toBe(2)
    expect(waiting).toMatchObject({
      code: 'ERR_CASSANDRA_WRITE',
      counts: { rows_accepted, rows_written, rows_deleted, rows_failed },
    })
  })

  it.each([
    [
      'while connecting hangs',
      async () => {},
      (client: { connect: () => Promise<void> }) => {
        client.connect = () => new Promise(() => {})
      },
    ],
    [
      'before the schema is read',
      async () => {},
      (client: { execute: unknown }) => {
        client.execute = () => new Promise(() => {})
      },
    ],
  ] as const)('closes at once %s', async (_, _act, change) => {
    const { sink, events, closed } = scene({}, change)
    const write = new Promise(resolve => sink.write(row(1), resolve))
    sink.destroy()
    await closed
    expect(events).toEqual(['close'])
    expect(await write).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  })

  it('rejects `flush()` with the error that it is destroyed with while it connects', async () => {
    const { sink, closed } = scene({}, client => {
      client.connect = () => new Promise(() => {})
    })
    sink.write(row(1), () => {})
    const flushed = sink.flush().catch((error: unknown) => error)
    const reason = new Error('the source broke')
    sink.destroy(reason)
    await closed
    expect(await flushed).toBe(reason)
  })

  it('closes when idle, without an error and without finish', async () => {
    const { sink, events, closed } = scene()
    await settled()
    sink.destroy()
    await closed
    expect(events).toEqual(['close'])
  })

  it('drops rows in the buffer and counts them as failed', async () => {
    const { client, sink, closed } = scene({ flush_interval_ms: 60_000 })
    await written(sink, row(1))
    sink.destroy()
    await closed
    expect(client.writes).toEqual([])
    expect(sink.stats).toMatchObject({ rows_accepted: 1, rows_failed: 1, rows_buffered: 0 })
  })

  it('does not wait for requests in flight, and later answers change nothing', async () => {
    const { client, sink, events, closed } = scene()
    await written(sink, row(1))
    const write = await client.nextWrite()
    sink.destroy(new Error('enough'))
    await closed
    const stats = { ...sink.stats }
    expect(stats).toMatchObject({ rows_written: 0, rows_failed: 1, rows_in_flight: 0 })
    write.acknowledge()
    await settled()
    expect(sink.stats.rows_written + sink.stats.rows_failed).toBe(1)
    expect(events).toEqual(['error', 'close'])
  })

  it('fails a write that waits for its turn', async () => {
    const { client, sink, events, closed } = scene({ concurrency: 1, rows_per_batch: 1 })
    sink.write(row(1))
    const waiting = written(sink, row(2))
    await client.nextWrite()
    await settled()
    sink.destroy()
    await closed
    await expect(waiting).rejects.toThrow('The stream was destroyed')
    expect(events).toEqual(['close'])
    expect(idsSent(client)).toEqual([1])
  })

  it('ends the pause between two attempts', async () => {
    const { client, sink, closed } = scene()
    await written(sink, row(1))
    ;(await client.nextWrite()).fail(serverError(0x1001))
    sink.destroy()
    await closed
    await settled()
    expect(client.writes.length).toBe(1)
  })

  it('ends a stream that waits in end() for its last acknowledgement', async () => {
    const { client, sink, events, closed } = scene()
    sink.end(row(1))
    await client.nextWrite()
    sink.destroy(new Error('enough'))
    await closed
    expect(events).toEqual(['error', 'close'])
  })

  it('does nothing after finish', async () => {
    const { sink, events, closed } = scene()
    sink.end()
    await closed
    sink.destroy(new Error('too late'))
    await settled()
    expect(events).toEqual(['finish', 'close'])
  })

  it('emits the given error once', async () => {
    const { sink, errors, closed } = scene()
    const reason = new Error('enough')
    sink.destroy(reason)
    sink.destroy(new Error('more'))
    await closed
    expect(errors).toEqual([reason])
  })
})

describe('AbortSignal', () => {
  it('that is already aborted prevents all writes', async () => {
    const { client, errors, closed } = scene({ signal: AbortSignal.abort() })
    await closed
    expect(errors).toMatchObject([{ name: 'AbortError' }])
    expect(client.writes).toEqual([])
  })

  it('ends a connection attempt that hangs', async () => {
    const abort = new AbortController()
    const { errors, closed } = scene({ signal: abort.signal }, client => {
      client.connect = () => new Promise(() => {})
    })
    await settled()
    abort.abort()
    await closed
    expect(errors).toMatchObject([{ name: 'AbortError' }])
  })

  it('ends a stream with requests in flight', async () => {
    const abort = new AbortController()
    const { client, sink, errors, events, closed } = scene({ signal: abort.signal })
    await written(sink, row(1))
    await client.nextWrite()
    abort.abort(new Error('changed my mind'))
    await closed
    expect(errors).toMatchObject([{ name: 'AbortError' }])
    expect(events).toEqual(['error', 'close'])
  })

  it('of pipeline destroys the sink', async () => {
    const abort = new AbortController()
    const { client, sink } = scene({ concurrency: 1, rows_per_batch: 1 })
    const loading = pipeline(Readable.from(range(100).map(id => row(id))), sink, { signal: abort.signal })
    await client.nextWrite()
    abort.abort()
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' })
    expect(sink.destroyed).toBe(true)
  })
})

describe('a stream that cannot open', () => {
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
    [
      'ERR_CASSANDRA_TABLE_UNSUPPORTED',
      (client: { columns: unknown }) => {
        client.columns = [
          { name: 'id', type: 'int', kind: 'partition_key' },
          { name: 'n', type: 'counter' },
        ]
      },
    ],
    [
      'ERR_CASSANDRA_TYPE_UNSUPPORTED',
      (client: { columns: unknown }) => {
        client.columns = [
          { name: 'id', type: "'org.example.OwnType'", kind: 'partition_key' },
          { name: 'x', type: 'int' },
        ]
      },
    ],
  ] as const)('says %s once and closes', async (code, change) => {
    const { client, sink, errors, events, closed } = scene({}, change as (client: object) => void)
    sink.write(row(1), () => {})
    await closed
    expect(errors).toMatchObject([{ code }])
    expect(events).toEqual(['error', 'close'])
    expect(client.writes).toEqual([])
  })

  it('throws at once for a wrong option', () => {
    expect(() => createCassandraWritable({ keyspace: 'ks', table: 't' })).toThrow('`host` or `client`')
  })

  it('shows no password in anything that can be printed of it', async () => {
    const sink = createCassandraWritable({
      host: '127.0.0.1',
      port: 1,
      keyspace: 'ks',
      table: 't',
      username: 'me',
      password: 'sesame-open',
    })
    const error = await new Promise<Error>(resolve => sink.on('error', resolve))
    for (const shown of [sink, error]) {
      expect(inspect(shown, { depth: Infinity, showHidden: true })).not.toContain('sesame-open')
    }
    expect(error).not.toBeInstanceOf(WriteError)
  })
})
