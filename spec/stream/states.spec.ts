import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { range, row, type Scene, scene, serverError, settled } from './support.ts'

/** A stream in one of its states, with the results of the callbacks of its rows. */
interface Staged extends Scene {
  readonly abort: AbortController
  /** Results of the callbacks of all rows. Undefined if a callback was not called yet. */
  readonly told: (string | undefined)[]
}

type Options = Parameters<typeof scene>[0]
type Change = Parameters<typeof scene>[1]

function stage(options: Options = {}, change?: Change): Staged & { give(chunk: object): void } {
  const abort = new AbortController()
  const staged = scene({ signal: abort.signal, ...options }, change)
  const told: (string | undefined)[] = []
  const give = (chunk: object) => {
    const place = told.push(undefined) - 1
    staged.sink.write(chunk, error => {
      told[place] = error ? 'error' : 'ok'
    })
  }
  return { ...staged, abort, told, give }
}

const one = { rows_per_batch: 1, concurrency: 1, batch_by: 'none' } as const

/** Every state in which the caller may end a stream. */
const states: Record<string, () => Promise<Staged>> = {
  'in the turn in which it was created': async () => stage(),
  'while connecting, with rows waiting': async () => {
    const staged = stage({}, client => {
      client.connect = () => new Promise(() => {})
    })
    for (const id of range(3)) staged.give(row(id))
    await settled()
    return staged
  },
  'while the schema is read, after end()': async () => {
    const staged = stage({}, client => {
      client.execute = () => new Promise(() => {})
    })
    staged.give(row(1))
    staged.sink.end()
    await settled()
    return staged
  },
  'when idle': async () => {
    const staged = stage()
    await settled()
    return staged
  },
  'with rows in the buffer': async () => {
    const staged = stage({ flush_interval_ms: 60_000 })
    await settled()
    for (const id of range(3)) staged.give(row(id))
    await settled()
    return staged
  },
  'under cork': async () => {
    const staged = stage()
    await settled()
    staged.sink.cork()
    for (const id of range(3)) staged.give(row(id))
    return staged
  },
  'with a request in flight': async () => {
    const staged = stage(one)
    staged.give(row(0))
    await staged.client.nextWrite()
    return staged
  },
  'with a request in flight and rows waiting for their turn': async () => {
    const staged = stage(one)
    for (const id of range(5)) staged.give(row(id))
    await staged.client.nextWrite()
    await settled()
    return staged
  },
  'between two attempts': async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const staged = stage(one)
    staged.give(row(0))
    ;(await staged.client.nextWrite()).fail(serverError(0x1001))
    await settled()
    return staged
  },
  'while a bad row waits for the rows before it': async () => {
    const staged = stage(one)
    staged.give(row(0))
    staged.give({ id: 'x' })
    await staged.client.nextWrite()
    await settled()
    return staged
  },
  'while a handler of bad rows is busy': async () => {
    const on_bad_row = vi.fn(() => new Promise<void>(() => {}))
    const staged = stage({ ...one, on_bad_row })
    staged.give({ id: 'x' })
    staged.give(row(0))
    await vi.waitFor(() => expect(on_bad_row).toHaveBeenCalled())
    return staged
  },
  'while a handler of a row that only Cassandra refuses is busy': async () => {
    const on_bad_row = vi.fn(() => new Promise<void>(() => {}))
    const staged = stage({ ...one, on_bad_row })
    staged.give(row(0))
    staged.give(row(1))
    ;(await staged.client.nextWrite()).fail(serverError(0x2200, 'too long'))
    await vi.waitFor(() => expect(on_bad_row).toHaveBeenCalled())
    return staged
  },
  'while a failure waits for the other requests': async () => {
    const staged = stage({ ...one, concurrency: 2 })
    for (const id of range(2)) staged.give(row(id))
    await staged.client.writesReach(2)
    staged.client.pending[0]?.fail(serverError(0x2100, 'no permission'))
    await settled()
    return staged
  },
  'while end() waits for the last acknowledgement': async () => {
    const staged = stage(one)
    staged.give(row(0))
    staged.sink.end()
    await staged.client.nextWrite()
    await settled()
    return staged
  },
}

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
beforeEach(() => process.on('unhandledRejection', note))
afterEach(async () => {
  vi.restoreAllMocks()
  await settled()
  process.off('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

describe.each(Object.entries(states))('a stream that is ended %s', (_, reach) => {
  const mine = new Error('enough')
  const endings: [string, string[], (staged: Staged) => void][] = [
    ['by destroy()', ['close'], ({ sink }) => sink.destroy()],
    ['by destroy(error)', ['error', 'close'], ({ sink }) => sink.destroy(mine)],
    ['by its signal', ['error', 'close'], ({ abort }) => abort.abort(mine)],
  ]

  it.each(endings)('%s closes at once and only once, and no callback stays open', async (_, events, end) => {
    const staged = await reach()
    const { client, sink } = staged
    const sent = client.writes.length
    end(staged)
    end(staged)
    await staged.closed
    await settled()
    expect(staged.events).toEqual(events)
    if (events.length === 2) {
      const [error] = staged.errors
      expect(error === mine || error?.cause === mine).toBe(true)
    }
    expect(staged.told.filter(told => told === undefined)).toEqual([])
    expect(client).toMatchObject({ shutdowns: 0, writes: { length: sent } })
    const { rows_accepted, rows_written, rows_deleted, rows_failed, rows_buffered, rows_in_flight } =
      sink.stats
    expect(rows_accepted).toBe(rows_written + rows_deleted + rows_failed)
    expect({ rows_buffered, rows_in_flight }).toEqual({ rows_buffered: 0, rows_in_flight: 0 })

    for (const write of [...client.pending]) write.acknowledge()
    await settled()
    expect(staged.events).toEqual(events)
    expect(client.writes.length).toBe(sent)
  })
})

describe('a stream that has ended', () => {
  it.each<[string, (staged: Staged) => unknown]>([
    ['destroy()', ({ sink }) => sink.destroy()],
    ['destroy(error)', ({ sink }) => sink.destroy(new Error('too late'))],
    ['an abort', ({ abort }) => abort.abort()],
  ])('is not changed by %s', async (_, act) => {
    const staged = stage({}, client => {
      client.automatic = true
    })
    staged.give(row(1))
    staged.sink.end()
    await staged.closed
    act(staged)
    await settled()
    expect(staged.events).toEqual(['finish', 'close'])
    expect(staged.sink.stats.rows_written).toBe(1)
  })

  it('with an error emits no other error', async () => {
    const staged = stage({ rows_per_batch: 1 })
    staged.give({ id: 'x' })
    await staged.closed
    staged.sink.destroy(new Error('too late'))
    staged.abort.abort()
    await settled()
    expect(staged.errors).toMatchObject([{ code: 'ERR_CASSANDRA_VALUE' }])
    expect(staged.events).toEqual(['error', 'close'])
  })
})
