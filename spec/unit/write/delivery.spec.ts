import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { backoff, sparingBackoff } from '../../../lib/cluster/backoff.ts'
import { pauses } from '../../../lib/cluster/pauses.ts'
import { TimeLimits } from '../../../lib/cluster/timeLimits.ts'
import { within } from '../../../lib/cluster/within.ts'
import { writeSettingsOf } from '../../../lib/options/settings.ts'
import { RowEncoder } from '../../../lib/row/row.ts'
import { Delivery } from '../../../lib/write/delivery.ts'
import { FakeClient } from '../../fake/fakeClient.ts'
import { serverError } from '../../stream/support.ts'
import { schema } from '../batch/rows.ts'

const limits = { request_timeout_ms: 15_000, retry_timeout_ms: 60_000 }
const time = { now: 1_000 }
const writeTimeout = serverError(0x1100)

beforeEach(() => {
  time.now = 1_000
  vi.spyOn(performance, 'now').mockImplementation(() => time.now)
  // The clock of these specs jumps.
  vi.spyOn(pauses, 'sum_ms', 'get').mockReturnValue(0)
})

function rowsWith(options: object, rows: readonly object[]) {
  const client = new FakeClient().asClient
  const encoder = new RowEncoder(schema, writeSettingsOf({ client, keyspace: 'ks', table: 't', ...options }))
  return rows.map((row, index) => encoder.encode(row, index))
}

describe('the time limit of an attempt', () => {
  it('is the smaller of the time left and its own limit', () => {
    const delivery = new Delivery([], limits)
    expect(delivery.limit_ms).toBe(15_000)
    time.now += 50_000
    expect(delivery.limit_ms).toBe(10_000)
    expect(delivery.part(0, 0).limit_ms).toBe(10_000)
  })

  it('is that of one request if there are no retries', () => {
    expect(new Delivery([], { ...limits, retry_timeout_ms: 0 }).limit_ms).toBe(15_000)
    expect(new Delivery([], { ...limits, retry_timeout_ms: 500 }).limit_ms).toBe(500)
  })

  it('ends a request that never answers', async () => {
    vi.restoreAllMocks()
    const never = new Promise<never>(() => {})
    await expect(within(5, never)).rejects.toMatchObject({ name: 'OperationTimedOutError' })
    const limits = new TimeLimits()
    const kept = (limit_ms: number, work: Promise<unknown>) =>
      new Promise(resolve => limits.keep(limit_ms, work, resolve))
    const late = { name: 'OperationTimedOutError', message: 'No answer came within 1000 ms' }
    const [short, long, first, inTime, failed, unreasoned] = await Promise.all([
      kept(5, never),
      kept(1_000, never),
      kept(1_000, never),
      kept(1_000, Promise.resolve('in time')),
      kept(1_000, Promise.reject(new Error('its own'))),
      kept(1_000, Promise.reject(undefined)),
    ])
    expect(short).toMatchObject({ name: 'OperationTimedOutError' })
    expect([long, first]).toMatchObject([late, late])
    expect(inTime).toBeUndefined()
    expect(failed).toMatchObject({ message: 'its own' })
    expect(unreasoned).toBeInstanceOf(Error)
  })

  it('is reported once, however late the answer comes', async () => {
    vi.restoreAllMocks()
    const limits = new TimeLimits()
    const told: unknown[] = []
    let answer = () => {}
    const work = new Promise<void>(resolve => {
      answer = resolve
    })
    limits.keep(1_000, work, error => told.push(error))
    await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 5_000 })
    answer()
    await work
    expect(told).toMatchObject([{ name: 'OperationTimedOutError' }])
  })
})

describe('a wait', () => {
  it('always leaves time for a last attempt, so that a server that returns just before the end is found', async () => {
    vi.restoreAllMocks()
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const delivery = new Delivery([], { request_timeout_ms: 1_000, retry_timeout_ms: 400 })
    const from = performance.now()
    let last = 0
    for (;;) {
      delivery.tries = 20
      try {
        await delay(delivery.waitAfter(writeTimeout, from))
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_CASSANDRA_RETRY_TIMEOUT' })
        break
      }
      last = performance.now() - from
    }
    expect(last).toBeGreaterThan(300)
  })
})

describe('the error at the end of the time', () => {
  const overloaded = serverError(0x1001, 'Overloaded')
  const noAnswer = Object.assign(new Error('No answer'), { name: 'OperationTimedOutError' })

  /** Lets an attempt pass without an answer. */
  function unanswered(delivery: Delivery): number {
    const sent = time.now
    time.now += delivery.limit_ms
    return delivery.waitAfter(noAnswer, sent)
  }

  it('is the last answer, if nobody answered an attempt that had less time than a request may take', () => {
    const delivery = new Delivery(rowsWith({}, [{ p: 1, c: 1 }]), limits)
    delivery.waitAfter(overloaded, time.now)
    time.now += 59_500
    expect(() => unanswered(delivery.part(0, 1))).toThrow(
      expect.objectContaining({ code: 'ERR_CASSANDRA_RETRY_TIMEOUT', cause: overloaded }),
    )
  })

  it('is the missing answer, if an attempt had its full time', () => {
    const delivery = new Delivery(rowsWith({}, [{ p: 1, c: 1 }]), limits)
    delivery.waitAfter(overloaded, time.now)
    unanswered(delivery)
    time.now += 44_500
    expect(() => unanswered(delivery)).toThrow(expect.objectContaining({ cause: noAnswer }))
  })
})

describe('a time to live', () => {
  const ttlOf = (rows: ReturnType<typeof rowsWith>) =>
    rows.map(({ slab, timestampAt }) => slab.readInt32BE(timestampAt + 12))

  it('is sent as what is left of it, at least a second; 0 stays forever', () => {
    const rows = rowsWith({ ttl_column: 'ttl' }, [
      { p: 1, c: 1, ttl: 3600 },
      { p: 1, c: 2, ttl: 5 },
      { p: 1, c: 3, ttl: 0 },
    ])
    const delivery = new Delivery(rows, limits)
    time.now += 2_300
    delivery.repeat(writeTimeout)
    expect(ttlOf(rows)).toEqual([3597, 2, 0])
    time.now += 10_000
    delivery.part(0, 3).repeat(writeTimeout)
    expect(ttlOf(rows)).toEqual([3587, 1, 0])
  })
})

describe('a time to live that began before the first try', () => {
  const ttlsOf = (livesFrom?: number) => {
    const rows = rowsWith({ ttl: 8 }, [{ p: 1, c: 1 }])
    new Delivery(rows, limits, livesFrom)
    return rows.map(({ slab, timestampAt }) => slab.readInt32BE(timestampAt + 12))
  }

  it('is sent as what is left, so that rows of a suspended process do not outlive a replay', () => {
    time.now = 20_000
    expect(ttlsOf(15_500)).toEqual([4])
    expect(ttlsOf(1_000)).toEqual([1])
    expect(ttlsOf(19_500)).toEqual([8])
    expect(ttlsOf()).toEqual([8])
  })
})

describe('waits of rows with a list', () => {
  it('grow, and spread the few retries over the limit, however long it is', () => {
    const limit = fc.integer({ min: 1_000, max: 86_400_000 })
    fc.assert(
      fc.property(limit, limit_ms => {
        const waits = Array.from({ length: 7 }, (_, i) => sparingBackoff(i, 7, limit_ms, () => 1))
        expect(waits).toEqual(waits.toSorted((a, b) => a - b))
        const sum = waits.reduce((total, wait) => total + wait, 0)
        expect(waits.at(-1)).toBeLessThan(limit_ms)
        expect(sum).toBeGreaterThan(limit_ms / 8)
      }),
    )
  })

  it('of other rows stay short', () => {
    expect(backoff(100, () => 1)).toBe(5_000)
  })
})

it('a row is not to blame because an attempt was answered after a pause of the process', () => {
  const delivery = new Delivery([], { request_timeout_ms: 1_000, retry_timeout_ms: 60_000 })
  const stored = time.now + 1_000
  for (let tries = 0; tries < 3; tries++) {
    delivery.tries++
    delivery.failed(time.now - 40_000)
  }
  expect(delivery.isToBlame(stored)).toBe(false)
  time.now += 59_000
  expect(delivery.isToBlame(stored)).toBe(true)
})
