import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FakeWrite } from '../fake/fakeClient.ts'
import { rowsOf } from '../fake/fakeClient.ts'
import { range, scene, serverError, settled, written } from './support.ts'

// No pause between two attempts.
beforeEach(() => {
  vi.spyOn(Math, 'random').mockReturnValue(0)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const columns = [
  { name: 'id', type: 'int', kind: 'partition_key' },
  { name: 'l', type: 'list<int>' },
] as const

/** The write times in a request in microseconds, which are the last bind of each row. */
function timestampsOf(write: FakeWrite): number[] {
  const each = write.binds.length / rowsOf(write)
  return range(rowsOf(write)).map(i => Number((write.binds[(i + 1) * each - 1] as Buffer).readBigInt64BE()))
}

function idOf({ binds, cql }: FakeWrite, place: number): number {
  const each = binds.length / rowsOf({ cql } as FakeWrite)
  return (binds[place * each] as Buffer).readInt32BE()
}

/** Short, because waits between attempts of rows with a list are fractions of this limit. */
const short = { retry_timeout_ms: 2_000 }

const unavailable = () => serverError(0x1000)

describe('a retry', () => {
  it('keeps the timestamp of a row, however often it is sent', async () => {
    const { client, sink, closed } = scene()
    sink.end({ id: 1, v: 'x' })
    for (let i = 0; i < 100; i++) (await client.nextWrite()).fail(unavailable())
    ;(await client.nextWrite()).acknowledge()
    await closed
    expect(client.writes.length).toBe(101)
    expect(new Set(client.writes.flatMap(timestampsOf)).size).toBe(1)
    expect(sink.stats).toMatchObject({ rows_written: 1, requests: 101, retries: 100 })
  })

  it('uses the next timestamp for a row with a non-frozen list, and the next row has a later one', async () => {
    const { client, sink, closed } = scene({ ...short, flush_interval_ms: 60_000 }, () => {}, columns)
    sink.write({ id: 1, l: [1] })
    sink.end({ id: 1, l: [2] })
    for (let i = 0; i < 7; i++) (await client.nextWrite()).fail(unavailable())
    ;(await client.nextWrite()).acknowledge()
    await closed
    const times = client.writes.map(timestampsOf)
    const [[first = 0, second = 0] = []] = times
    expect(times).toEqual(range(8).map(i => [first + i, second + i]))
    expect(second).toBeGreaterThan(first + 7)
  })

  it('ends for a row with a non-frozen list when its timestamps are used up', async () => {
    const { client, sink, errors, closed } = scene(short, () => {}, columns)
    await written(sink, { id: 1, l: [1] })
    await written(sink, { id: 2 })
    void failAll()
    await closed
    // The rows were given at different times, so each has its own timestamps.
    for (const id of [1, 2]) {
      const times = client.writes.flatMap(write =>
        timestampsOf(write).filter((_, i) => idOf(write, i) === id),
      )
      expect(Math.max(...times) - Math.min(...times)).toBe(id === 1 ? 7 : 0)
    }
    expect(errors).toMatchObject([
      {
        code: 'ERR_CASSANDRA_RETRY_TIMEOUT',
        message: expect.stringMatching(
          /after 8 tries in \d+ ms: .*with a non-frozen list is sent 8 times at most/,
        ),
      },
    ])

    async function failAll() {
      for (;;) (await client.nextWrite()).fail(unavailable())
    }
  })

  it('uses no timestamp for an attempt that cannot have stored anything, so a long outage uses up none', async () => {
    const { client, sink, closed } = scene({}, () => {}, columns)
    sink.end({ id: 1, l: [1] })
    const away = () => Object.assign(new Error('away'), { innerErrors: { a: 'Host considered as DOWN' } })
    for (let i = 0; i < 100; i++) (await client.nextWrite()).fail(away())
    ;(await client.nextWrite()).acknowledge()
    await closed
    expect(new Set(client.writes.flatMap(timestampsOf)).size).toBe(1)
    expect(sink.stats).toMatchObject({ rows_written: 1, retries: 100 })
  })

  it('continues with the next timestamps of the group when the group is cut', async () => {
    const { client, sink, closed } = scene({ ...short, flush_interval_ms: 60_000 }, () => {}, columns)
    for (const n of range(4)) sink.write({ id: 1, l: [n] })
    sink.end({ id: 1, l: [4] })
    for (let i = 0; i < 4; i++) (await client.nextWrite()).fail(unavailable())
    ;(await client.nextWrite()).fail(serverError(0x2200, 'Batch too large'))
    ;(await client.nextWrite()).fail(unavailable())
    client.automatic = true
    await closed
    const firsts = client.writes.map(write => timestampsOf(write)[0] ?? 0)
    const [first = 0] = firsts
    expect(firsts.slice(0, 6)).toEqual([...range(5), 4].map(i => first + i))
    // The other half is sent first while this one waits.
    expect(firsts.at(-1)).toBe(first + 5)
    expect(sink.stats).toMatchObject({ rows_written: 5 })
  })
})

describe('a pause of the process', () => {
  /** Lets this many milliseconds pass while no timer runs. */
  let pause = (_ms: number): void => {}

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    let paused_ms = 0
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + paused_ms)
    pause = ms => {
      paused_ms += ms
    }
    return () => vi.useRealTimers()
  })
  const limits = { request_timeout_ms: 2_000, retry_timeout_ms: 4_000 }

  it('does not count for a request: its answer may have come and is not read yet', async () => {
    const { client, sink, closed, errors } = scene(limits)
    sink.end({ id: 1, v: 'x' })
    const write = await client.nextWrite()
    vi.advanceTimersByTime(1_000)
    pause(60_000)
    vi.advanceTimersByTime(500)
    write.acknowledge()
    await closed
    expect(errors).toEqual([])
    expect(sink.stats).toMatchObject({ rows_written: 1, requests: 1 })
  })

  it('leaves the rest of the time to a request that is not answered', async () => {
    const { client, sink, closed } = scene(limits)
    sink.end({ id: 1, v: 'x' })
    await client.nextWrite()
    vi.advanceTimersByTime(1_000)
    pause(60_000)
    vi.advanceTimersByTime(900)
    await settled()
    expect(client.writes.length).toBe(1)
    vi.advanceTimersByTime(500)
    await client.writesReach(2)
    client.pending[1]?.acknowledge()
    await closed
    expect(sink.stats).toMatchObject({ rows_written: 1, requests: 2 })
  })

  it('does not count for retries, even if the driver gives the request up', async () => {
    const { client, sink, closed, errors } = scene(limits)
    sink.end({ id: 1, v: 'x' })
    for (let tries = 0; tries < 5; tries++) {
      const write = await client.nextWrite()
      pause(60_000)
      write.fail(Object.assign(new Error('no answer'), { name: 'OperationTimedOutError' }))
      await settled()
    }
    ;(await client.nextWrite()).acknowledge()
    await closed
    expect(errors).toEqual([])
  })

  it('is looked for only while rows are on their way', async () => {
    const { client, sink, closed } = scene(limits)
    await sink.validate({ id: 1 })
    const timers = vi.getTimerCount()
    sink.write({ id: 1, v: 'x' })
    const write = await client.nextWrite()
    expect(vi.getTimerCount()).toBeGreaterThan(timers)
    write.acknowledge()
    await settled()
    vi.advanceTimersByTime(100)
    expect(vi.getTimerCount()).toBe(timers)
    sink.write({ id: 2, v: 'x' })
    await client.nextWrite()
    sink.destroy()
    await closed
    vi.advanceTimersByTime(2_000)
    expect(vi.getTimerCount()).toBeLessThan(timers)
  })
})
