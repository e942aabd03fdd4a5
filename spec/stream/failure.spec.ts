import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { RowError } from '../../lib/index.ts'
import { rowsOf } from '../fake/fakeClient.ts'
import { idsSent, range, row, scene, serverError, settled, written } from './support.ts'

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
beforeEach(() => process.on('unhandledRejection', note))
afterEach(async () => {
  await settled()
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

describe('a bad row', () => {
  it('ends the stream after the rows before it are written, and no row after it is sent', async () => {
    const { client, sink, errors, events, closed } = scene({ flush_interval_ms: 60_000 }, fake => {
      fake.automatic = true
    })
    for (const chunk of [row(0), row(1), { id: 'two' }, row(3)]) sink.write(chunk, () => {})
    await closed
    expect(idsSent(client)).toEqual([0, 1])
    expect(events).toEqual(['error', 'close'])
    expect(errors[0]).toBeInstanceOf(RowError)
    expect(errors).toMatchObject([
      {
        code: 'ERR_CASSANDRA_VALUE',
        row_index: 2,
        column: 'id',
        counts: { rows_accepted: 2, rows_written: 2, rows_deleted: 0, rows_failed: 0 },
      },
    ])
  })

  it.each([
    ['a number', 7],
    ['text', 'row'],
    ['undefined', undefined],
    ['an array', [1, 'x']],
    ['a function', () => row(1)],
  ])('that is %s is refused, and the error names what it is', async (_, chunk) => {
    const { sink, errors, closed } = scene()
    sink.write(chunk as object)
    await closed
    expect(errors).toMatchObject([{ code: 'ERR_CASSANDRA_ROW_TYPE', row_index: 0 }])
  })

  it('also gives its error to its own write callback', async () => {
    const { sink, errors } = scene()
    await settled()
    await expect(written(sink, { id: 1, nope: 2 })).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_COLUMN_UNKNOWN',
    })
    await settled()
    expect(errors).toMatchObject([{ code: 'ERR_CASSANDRA_COLUMN_UNKNOWN' }])
  })

  it('is not reported if a row before it fails', async () => {
    const { client, sink, errors, closed } = scene({ flush_interval_ms: 60_000 })
    await written(sink, row(0))
    sink.write({ id: 'bad' })
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    await closed
    expect(errors).toMatchObject([{ code: 'ERR_CASSANDRA_UNAUTHORIZED', counts: { rows_failed: 1 } }])
  })
})

describe('a bad row whose handler is busy while the stream fails', () => {
  it.each([
    ['counts as set aside if the handler is done in time', true, { rows_set_aside: 1, rows_failed: 1 }],
    ['is unacknowledged otherwise', false, { rows_set_aside: 0, rows_failed: 1 }],
  ])('%s, and never both', async (_, isInTime, counts) => {
    let handled = () => {}
    const busy = new Promise<void>(resolve => {
      handled = resolve
    })
    const on_bad_row = vi.fn(() => busy)
    const { client, sink, errors, closed } = scene({ rows_per_batch: 1, on_bad_row })
    for (const chunk of [row(0), row(1), { id: 'two' }]) sink.write(chunk, () => {})
    await vi.waitFor(() => expect(on_bad_row).toHaveBeenCalled())
    await client.writesReach(2)
    client.pending[0]?.fail(serverError(0x2100))
    await settled()
    if (isInTime) handled()
    await settled()
    client.pending[0]?.acknowledge()
    await closed
    handled()
    const later = isInTime ? [] : [{ from: 2, to: 2 }]
    expect(errors).toMatchObject([
      { counts: { rows_written: 1, ...counts }, unacknowledged: [{ from: 0, to: 0 }, ...later] },
    ])
  })
})

describe('a request that fails for good', () => {
  it('ends the stream only after the other requests in flight are answered, with exact counts', async () => {
    const { client, sink, errors, events, closed } = scene({ rows_per_batch: 3, batch_by: 'none' })
    for (const id of range(3)) sink.write(row(id))
    await client.writesReach(3)
    const [first, second, third] = [...client.pending]
    second?.fail(serverError(0x2100, 'no permission'))
    await settled()
    expect(events).toEqual([])
    first?.acknowledge()
    await settled()
    expect(events).toEqual([])
    third?.acknowledge()
    await closed
    expect(events).toEqual(['error', 'close'])
    expect(errors).toMatchObject([
      { counts: { rows_accepted: 3, rows_written: 2, rows_deleted: 0, rows_failed: 1 } },
    ])
  })

  it('ends the stream even while the source is idle', async () => {
    const { client, sink, errors, closed } = scene()
    sink.write(row(1))
    ;(await client.nextWrite()).fail(new TypeError('a bug in a driver'))
    await closed
    expect(errors).toMatchObject([{ code: 'ERR_CASSANDRA_WRITE' }])
  })

  it('is the only reported error when several requests fail', async () => {
    const { client, sink, errors, closed } = scene({ rows_per_batch: 5, batch_by: 'none' })
    for (const id of range(5)) sink.write(row(id))
    await client.writesReach(5)
    for (const [i, write] of [...client.pending].entries()) write.fail(serverError(0x2100, `refused ${i}`))
    await closed
    expect(errors.length).toBe(1)
    expect(String(errors[0])).toContain('refused 0')
    expect(sink.stats).toMatchObject({
      rows_accepted: 5,
      rows_failed: 5,
      rows_in_flight: 0,
      rows_buffered: 0,
    })
  })

  it('acknowledges no row that waited and is never sent, although later ones were in flight', async () => {
    const columns = [
      { name: 'p', type: 'int', kind: 'partition_key' },
      { name: 'c', type: 'int', kind: 'clustering' },
    ] as const
    const options = { concurrency: 1, rows_per_batch: 21, position: ({ c }: { c: number }) => c }
    const { client, sink, errors, closed } = scene(
      { ...options, flush_interval_ms: 60_000 } as never,
      () => {},
      columns,
    )
    const told = vi.fn()
    sink.on('acknowledged', told)
    sink.write({ p: 1, c: 0 })
    for (let c = 1; c < 21; c++) sink.write({ p: 2, c })
    const flushed = sink.flush()
    flushed.catch(() => {})
    const first = await client.nextWrite()
    // The larger partition leaves first.
    expect(rowsOf(first)).toBe(20)
    first.fail(serverError(0x2100))
    await closed
    await expect(flushed).rejects.toBe(errors[0])
    expect(told).not.toHaveBeenCalled()
    expect(errors[0]).toMatchObject({ unacknowledged: [{ from: 0, to: 20 }] })
  })

  it('rejects the pipeline and stops the source', async () => {
    const { client, sink } = scene({ rows_per_batch: 1, batch_by: 'none', concurrency: 1 })
    const source = Readable.from(range(1000).map(id => row(id)))
    const loading = pipeline(source, sink)
    ;(await client.nextWrite()).fail(serverError(0x2100, 'no permission'))
    await expect(loading).rejects.toMatchObject({ code: 'ERR_CASSANDRA_UNAUTHORIZED' })
    expect(source.destroyed).toBe(true)
    expect(client.writes.length).toBe(1)
  })
})

describe('a request that the server refuses', () => {
  it('is narrowed down to the row to blame, and the others are written', async () => {
    const { client, sink, errors, closed } = scene({ rows_per_batch: 10, flush_interval_ms: 60_000 })
    for (const id of range(10)) sink.write(row(id))
    const stop = answerAll(client, binds =>
      binds.some(bind => bind instanceof Buffer && String(bind) === 'v7')
        ? serverError(0x2200, 'too odd')
        : undefined,
    )
    await closed
    stop()
    expect(errors).toMatchObject([
      {
        code: 'ERR_CASSANDRA_ROW_REFUSED',
        row_index: 7,
        counts: { rows_accepted: 10, rows_written: 9, rows_failed: 1 },
      },
    ])
    expect(String(errors[0])).toContain('too odd')
  })

  it('does not keep others from being sent, which show whether its rows are to blame', async () => {
    const on_bad_row = vi.fn()
    const options = { rows_per_batch: 1, retry_timeout_ms: 4_000, on_bad_row }
    const { client, sink, closed } = scene(options)
    const stop = answerAll(client, ([id]) =>
      (id as Buffer).readInt32BE() < 2 ? serverError(0x1500, 'failed to store') : undefined,
    )
    for (const bad of [0, 1]) sink.write(row(bad))
    let id = 2
    const more = setInterval(() => sink.write(row(id++)), 50)
    onTestFinished(() => clearInterval(more))
    await vi.waitFor(() => expect(on_bad_row).toHaveBeenCalledTimes(2), { timeout: 20_000 })
    clearInterval(more)
    sink.end()
    await closed
    stop()
    expect(sink.stats).toMatchObject({ rows_set_aside: 2, rows_failed: 0, rows_written: id - 2 })
  })

  it('because a disk is full blames no row, and is retried', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    onTestFinished(() => {
      vi.restoreAllMocks()
    })
    const on_bad_row = vi.fn()
    const { client, sink, closed } = scene({ rows_per_batch: 50, flush_interval_ms: 60_000, on_bad_row })
    for (const id of range(50)) sink.write(row(id))
    sink.end()
    const full = 'Write request failed because disk usage exceeds failure threshold'
    await client.writesReach(5)
    for (const write of [...client.pending]) {
      write.fail(serverError(0x2200, `Guardrail replica_disk_usage violated: ${full}`))
    }
    client.automatic = true
    await closed
    expect(on_bad_row).not.toHaveBeenCalled()
    expect(client.writes.map(rowsOf)).toEqual(Array(10).fill(10))
    expect(sink.stats).toMatchObject({ rows_written: 50, rows_failed: 0, rows_set_aside: 0, retries: 5 })
  })

  it('because a disk stays full ends the stream after the time limit, with an error about the disk', async () => {
    const { client, errors, sink, closed } = scene({ retry_timeout_ms: 0, on_bad_row: () => {} })
    sink.write(row(1))
    const full = 'Write request failed because disk usage exceeds failure threshold'
    ;(await client.nextWrite()).fail(serverError(0x2200, `Guardrail replica_disk_usage violated: ${full}`))
    await closed
    expect(errors).toMatchObject([{ name: 'WriteError', message: expect.stringContaining(full) }])
  })

  it('is cut into smaller requests if it is too large, and every row is written once', async () => {
    const { client, sink, closed } = scene({ rows_per_batch: 50, flush_interval_ms: 60_000 })
    for (const id of range(50)) sink.write(row(id))
    sink.end()
    const acknowledged: number[] = []
    const stop = answerAll(client, (binds, cql) => {
      if (cql.split('INSERT').length > 3) return serverError(0x2200, 'Batch too large')
      for (let i = 0; i < binds.length; i += 3) acknowledged.push((binds[i] as Buffer).readInt32BE())
      return undefined
    })
    await closed
    stop()
    expect(acknowledged.sort((a, b) => a - b)).toEqual(range(50))
    expect(sink.stats).toMatchObject({ rows_written: 50, rows_failed: 0 })
  })
})

describe('an outage', () => {
  it('causes no warning of Node, however many requests wait for their next attempt', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error) => warnings.push(warning)
    process.on('warning', keep)
    onTestFinished(() => {
      process.off('warning', keep)
    })
    vi.spyOn(Math, 'random').mockReturnValue(1)
    onTestFinished(() => {
      vi.restoreAllMocks()
    })
    const { client, sink, closed } = scene({ rows_per_batch: 16, batch_by: 'none' })
    for (const id of range(16)) sink.write(row(id))
    await client.writesReach(16)
    for (const write of [...client.pending]) write.fail(serverError(0x1000))
    await settled()
    sink.destroy()
    await closed
    await settled()
    expect(warnings).toEqual([])
  })
})

/** Answers every write with the error that `verdict` returns, or with an acknowledgement. */
function answerAll(
  client: ReturnType<typeof scene>['client'],
  verdict: (binds: readonly unknown[], cql: string) => Error | undefined,
): () => void {
  let stopped = false
  const loop = async () => {
    while (!stopped) {
      const write = await client.nextWrite()
      const error = verdict(write.binds, write.cql)
      if (error === undefined) write.acknowledge()
      else write.fail(error)
    }
  }
  void loop()
  return () => {
    stopped = true
  }
}
