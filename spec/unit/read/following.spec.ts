import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pauses } from '../../../lib/cluster/pauses.ts'
import { ReadError, SchemaError } from '../../../lib/errors.ts'
import { readSettingsOf } from '../../../lib/options/readSettings.ts'
import { Following } from '../../../lib/read/following.ts'
import type { Span } from '../../../lib/read/place.ts'
import { serverError } from '../../stream/support.ts'

const INTERVAL_MS = 1_000
const LAG_MS = 100
const RETRY_TIMEOUT_MS = 20_000
const START_MS = 1_700_000_000_000

/** The time limits of the fake timers include those of `node:timers/promises`. */
beforeEach(() => {
  vi.useFakeTimers({ now: START_MS })
  vi.spyOn(timers, 'setTimeout').mockImplementation(
    (ms, value, { signal } = {}) =>
      new Promise((resolve, reject) => {
        setTimeout(resolve, ms, value)
        signal?.addEventListener('abort', () => reject(signal.reason))
      }),
  )
  syncBuiltinESMExports()
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  syncBuiltinESMExports()
})

/** A follower whose node is asked for its clock. The node's clock is the machine's, unless `answer` says otherwise. */
function scene(answer: () => number | Promise<number> = () => Date.now()) {
  const begin = performance.now()
  const settings = readSettingsOf({
    host: 'h',
    keyspace: 'ks',
    table: 't',
    follow: { by: 'scan', interval_ms: INTERVAL_MS, lag_ms: LAG_MS },
    retry_timeout_ms: RETRY_TIMEOUT_MS,
  })
  if (settings.follow === undefined) throw new Error('Expected settings to follow with')
  const leaving = new AbortController()
  /** When the clock was asked for, in milliseconds since the start. */
  const asked: number[] = []
  const client = {
    execute: async () => {
      asked.push(performance.now() - begin)
      return { rows: [{ now: await answer() }] }
    },
  } as unknown as Client
  const following = new Following(client, settings.follow, settings, leaving.signal)
  return {
    following,
    leaving,
    asked,
    next: (look = async () => {}, busy_ms = 0) => following.next(busy_ms, look),
  }
}

/** Lets time pass until the promise settles. */
async function passing<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = () => {
    isSettled = true
  }
  promise.then(settle, settle)
  for (let waits = 0; !isSettled; waits++) {
    if (waits > 1_000) throw new Error('The promise does not settle, however much time passes')
    await vi.advanceTimersToNextTimerAsync()
  }
  return promise
}

/** The end of a span that the clocks report at this time after the start. */
const microseconds = (ms: number) => BigInt(START_MS + ms - LAG_MS) * 1000n

/** Milliseconds from the end of a walk of this length, on which Cassandra worked for so long, to the next walk. */
async function pauseAfter(walk_ms: number, busy_ms = walk_ms): Promise<number> {
  const { asked, next } = scene()
  await passing(next())
  await vi.advanceTimersByTimeAsync(walk_ms)
  await passing(next(undefined, busy_ms))
  const [first = 0, second = 0] = asked
  return second - first - walk_ms
}

describe('a reader that follows', () => {
  it('starts its first walk at once, and its next one an interval after the start of the last', async () => {
    const { asked, next } = scene()
    await passing(next())
    await vi.advanceTimersByTimeAsync(300)
    await passing(next())
    // Timers have whole milliseconds, and at least one.
    expect(asked).toEqual([1, 1 + INTERVAL_MS])
  })

  it.each([
    [0, INTERVAL_MS],
    [400, INTERVAL_MS - 400],
    [INTERVAL_MS, 1],
    [INTERVAL_MS + 1, INTERVAL_MS + 1],
    [3 * INTERVAL_MS, 3 * INTERVAL_MS],
    [3_600_000, 3_600_000],
  ])('pauses after a walk of %i ms for %i ms', async (walk_ms, pause_ms) => {
    expect(await pauseAfter(walk_ms)).toBe(pause_ms)
  })

  it('does not repeat the time in which the consumer held the walk up', async () => {
    expect(await pauseAfter(3 * INTERVAL_MS, 100)).toBe(1)
    expect(await pauseAfter(3 * INTERVAL_MS, 2 * INTERVAL_MS)).toBe(INTERVAL_MS)
  })

  it('pauses after the rest of an earlier run as long as this rest took', async () => {
    const { following, asked, next } = scene()
    // As if the process had been running for a while.
    await vi.advanceTimersByTimeAsync(5_000)
    const span: Span = { from: 1n, to: microseconds(0) }
    expect(following.goOn(span)).toBe(span)
    await vi.advanceTimersByTimeAsync(2 * INTERVAL_MS)
    expect(await passing(next(undefined, 2 * INTERVAL_MS))).toEqual({
      from: span.to,
      to: microseconds(5_000 + 4 * INTERVAL_MS),
    })
    expect(asked).toEqual([5_000 + 4 * INTERVAL_MS])
  })

  it('leaves no gap between spans, and ends each behind both clocks', async () => {
    const ahead = scene(() => Date.now() + 60_000)
    expect(await passing(ahead.next())).toEqual({ from: undefined, to: microseconds(1) })
    expect(await passing(ahead.next())).toEqual({
      from: microseconds(1),
      to: microseconds(1 + INTERVAL_MS),
    })
  })

  it('uses the clock of the node when that one is behind', async () => {
    const behind = scene(() => Date.now() - 60_000)
    expect(await passing(behind.next())).toEqual({ from: undefined, to: microseconds(1 - 60_000) })
  })

  it('waits while a clock that was set back is behind the last span, and then continues it', async () => {
    let offset_ms = 0
    const { asked, next } = scene(() => Date.now() + offset_ms)
    const first = await passing(next())
    offset_ms = -2.5 * INTERVAL_MS
    const second = await passing(next())
    // At 1 and 2 intervals, the clock is behind; the span at 3 intervals begins where the first one ended.
    expect(asked).toEqual([1, 1, 1, 1].map((ms, i) => ms + i * INTERVAL_MS))
    expect(second).toEqual({ from: first.to, to: microseconds(1 + 0.5 * INTERVAL_MS) })
  })

  it('yields no empty span while the clock stands still', async () => {
    let isStill = true
    const { asked, next } = scene(() => (isStill ? START_MS : Date.now()))
    const { to } = await passing(next())
    setTimeout(() => {
      isStill = false
    }, 2.5 * INTERVAL_MS)
    expect((await passing(next())).from).toBe(to)
    expect(asked).toHaveLength(4)
  })

  it('looks at the schema only when the end of the span is known', async () => {
    const order: string[] = []
    const { next } = scene(() => {
      order.push('clock')
      return Date.now()
    })
    await passing(next(async () => void order.push('schema')))
    expect(order).toEqual(['clock', 'schema'])
  })

  it('ends its pause with the reason of its signal', async () => {
    const { leaving, next } = scene()
    await passing(next())
    const reason = new Error('enough')
    const waiting = next()
    leaving.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('a question that a follower asks Cassandra', () => {
  const busy = serverError(0x1001, 'busy')

  it.each(['the clock', 'the schema'])('is asked again after faults that may pass: %s', async of => {
    let faults = 5
    const fail = () => {
      if (faults-- > 0) throw busy
    }
    const { next } = scene(() => {
      if (of === 'the clock') fail()
      return Date.now()
    })
    const span = await passing(
      next(async () => {
        if (of === 'the schema') fail()
      }),
    )
    expect(span.from).toBeUndefined()
    expect(faults).toBe(-1)
  })

  it('is asked again with growing pauses', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    let faults = 4
    const { asked, next } = scene(() => {
      if (faults-- > 0) throw busy
      return Date.now()
    })
    await passing(next())
    expect(asked).toEqual([1, 51, 151, 351, 751])
  })

  it('fails after retry_timeout_ms, with the last fault as the cause', async () => {
    // The timer of another spec of this process may have been made without fake timers.
    vi.spyOn(pauses, 'sum_ms', 'get').mockReturnValue(0)
    const { asked, next } = scene(() => {
      throw busy
    })
    const error = await passing(next()).catch(error => error)
    expect(error).toBeInstanceOf(ReadError)
    expect(error).toMatchObject({
      code: 'ERR_CASSANDRA_READ_TIMEOUT',
      cause: busy,
      message: expect.stringMatching(/^Cassandra does not report its time .*busy/),
    })
    const last_ms = asked.at(-1) ?? 0
    expect(last_ms).toBeGreaterThanOrEqual(1 + RETRY_TIMEOUT_MS)
    expect(last_ms).toBeLessThan(1 + RETRY_TIMEOUT_MS + 5_000)
  })

  it('does not count the time in which the process is stopped', async () => {
    let stopped_ms = 0
    const running = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => running() + stopped_ms)
    const { asked, next } = scene(() => {
      if (stopped_ms > 0) return Date.now()
      stopped_ms = 10 * RETRY_TIMEOUT_MS
      throw busy
    })
    expect((await passing(next())).from).toBeUndefined()
    expect(asked).toHaveLength(2)
  })

  it('fails at once after a fault that no repeat mends', async () => {
    const { asked, next } = scene(() => {
      throw serverError(0x2100, 'no SELECT permission')
    })
    await expect(passing(next())).rejects.toMatchObject({
      code: 'ERR_CASSANDRA_READ',
      message: expect.stringContaining('no SELECT permission'),
    })
    expect(asked).toHaveLength(1)
  })

  it('fails with an error of ours as it is', async () => {
    const { asked, next } = scene()
    const gone = new SchemaError('ERR_CASSANDRA_TABLE_NOT_FOUND', 'The table is gone')
    await expect(passing(next(() => Promise.reject(gone)))).rejects.toBe(gone)
    expect(asked).toHaveLength(1)
  })

  it('ends with the reason of its signal, and is not asked again', async () => {
    const reason = new Error('enough')
    const { asked, leaving, next } = scene(() => {
      leaving.abort(reason)
      throw busy
    })
    await expect(passing(next())).rejects.toBe(reason)
    expect(asked).toHaveLength(1)
  })

  it('is asked again when no answer comes within request_timeout_ms', async () => {
    let isLost = true
    const { asked, next } = scene(() => {
      if (!isLost) return Date.now()
      isLost = false
      return new Promise<number>(() => {})
    })
    await passing(next())
    expect(asked).toHaveLength(2)
  })
})
