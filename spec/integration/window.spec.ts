import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createCassandraWritable } from '../../lib/index.ts'
import { CqlProxy } from '../proxy/cqlProxy.ts'
import { faultCodes } from '../proxy/frame.ts'
import { useKeyspace } from './keyspace.ts'

const ks = useKeyspace('window_spec')
const CONCURRENCY = 30
/** Number of requests in flight that must be reached before the overload and after it. */
const MANY = 24
/** Number of refused requests, so that each one in flight fails several times. */
const REFUSED = 150
/** The source reaches this number of rows only if the window does not recover. */
const MOST_ROWS = 100_000

/** Long, so that delays of the machine matter little. */
const LATENCY_MS = 100

describe('the window of requests in flight', () => {
  let proxy: CqlProxy
  beforeAll(async () => {
    proxy = await CqlProxy.start(inject('cassandra'))
    proxy.latency_ms = LATENCY_MS
  })
  afterAll(() => proxy?.stop())

  it('shrinks when a server is overloaded, recovers, and never exceeds concurrency', {
    timeout: 180_000,
  }, async () => {
    const table = await ks.table('id int PRIMARY KEY')
    const sink = createCassandraWritable({
      host: proxy.host,
      port: proxy.port,
      keyspace: ks.name,
      table,
      batch_by: 'none',
      concurrency: CONCURRENCY,
      rows_per_batch: 100,
    })
    let phase: 'growing' | 'trouble' | 'recovering' | 'recovered' = 'growing'
    let [refused, most, least] = [0, 0, CONCURRENCY]
    proxy.decide = () => {
      const inFlight = sink.stats.requests_in_flight
      most = Math.max(most, inFlight, proxy.unanswered)
      if (phase === 'growing' && inFlight >= MANY) phase = 'trouble'
      if (phase === 'recovering') {
        least = Math.min(least, inFlight)
        if (least < MANY / 2 && inFlight >= MANY) phase = 'recovered'
      }
      if (phase !== 'trouble') return undefined
      if (++refused === REFUSED) phase = 'recovering'
      return { delivery: 'never', answer: { code: faultCodes.overloaded, message: 'too much at once' } }
    }
    function* rows() {
      for (let id = 0; id < MOST_ROWS && phase !== 'recovered'; id++) yield { id }
    }
    await pipeline(Readable.from(rows()), sink)
    expect(phase).toBe('recovered')
    expect(least).toBeLessThan(MANY / 2)
    expect(most).toBeLessThanOrEqual(CONCURRENCY)
    const { rows_accepted, rows_written } = sink.stats
    expect(rows_written).toBe(rows_accepted)
    expect((await ks.select(`SELECT id FROM ${ks.name}.${table}`)).length).toBe(rows_accepted)
  })
})
