import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { FetchQueue } from '../../../lib/kafka/fetchQueue.ts'
import type { RecordsFound } from '../../../lib/kafka/recordBatches.ts'
import type { KafkaRecord } from '../../../lib/options/kafkaClient.ts'
import { settled } from '../../stream/support.ts'

const found = (from: number, count: number): RecordsFound => ({
  records: Array.from({ length: count }, (_, i) => ({ offset: BigInt(from + i) }) as KafkaRecord),
  next: BigInt(from + count),
  bytes: 10 * count,
})

afterEach(() => void vi.restoreAllMocks())

function scene() {
  const taken: bigint[][] = []
  const nexts: unknown[] = []
  const releases: (() => void)[] = []
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  let rooms = 0
  const queue = new FetchQueue(
    { topic: 't', partition: 1, offset: 5n },
    (records, next) => {
      nexts.push(next)
      taken.push(records.map(({ offset }) => offset))
      return new Promise(resolve => releases.push(resolve))
    },
    leaving.signal,
    () => {
      rooms++
    },
  )
  return { queue, nexts, taken, releases, leaving, rooms: () => rooms }
}

describe('fetched messages', () => {
  it('are taken one answer after the other, and their bytes count until then', async () => {
    const { queue, taken, releases } = scene()
    queue.add(5n, found(5, 2))
    queue.add(7n, found(7, 1))
    expect(queue.next).toBe(8n)
    expect(queue.bytes).toBe(30)
    expect(taken).toEqual([[5n, 6n]])
    releases[0]?.()
    await settled()
    expect(taken).toEqual([[5n, 6n], [7n]])
    expect(queue.bytes).toBe(10)
    releases[1]?.()
    await settled()
    expect(queue.bytes).toBe(0)
  })

  it('with another offset than the next one are dropped', () => {
    const { queue, taken } = scene()
    queue.add(4n, found(4, 3))
    queue.add(6n, found(6, 3))
    expect(taken).toEqual([])
    expect(queue.next).toBe(5n)
  })

  it('move the offset past batches without messages, which is taken too', () => {
    const { queue, nexts, taken } = scene()
    queue.add(5n, { records: [], next: 5n, bytes: 0 })
    expect(nexts).toEqual([])
    queue.add(5n, { records: [], next: 9n, bytes: 0 })
    expect([queue.next, nexts, taken]).toEqual([9n, [9n], [[]]])
  })

  it('are dropped after the signal aborts, and no more are taken', async () => {
    const { queue, taken, releases, leaving, rooms } = scene()
    queue.add(5n, found(5, 2))
    queue.add(7n, found(7, 1))
    leaving.abort()
    await queue.ended
    releases[0]?.()
    await settled()
    queue.add(8n, found(8, 1))
    expect(taken).toEqual([[5n, 6n]])
    expect(queue.bytes).toBe(0)
    expect(rooms()).toBeGreaterThan(0)
  })

  it('end with an error', async () => {
    const { queue } = scene()
    queue.fail(new Error('out of range'))
    await expect(queue.ended).rejects.toThrow('out of range')
    expect(queue.isOver).toBe(true)
  })

  it('end when attempts have failed for too long, without the time in which the process was stopped', async () => {
    const { queue } = scene()
    let passed_ms = 0
    const running = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => running() + passed_ms)
    queue.failed(new Error('the leader is away'), 10_000)
    passed_ms = 60_000
    queue.failed(new Error('the connection was reset in the meantime'), 10_000)
    expect(queue.isOver).toBe(false)
    // Less than a pause each.
    for (let i = 0; i < 14; i++) {
      passed_ms += 800
      queue.failed(new Error('the leader is still away'), 10_000)
    }
    await expect(queue.ended).rejects.toThrow(/^Messages of t\/1 .* 5: no attempt .* still away$/)
  })
})
