import { EventEmitter } from 'node:events'
import * as platformatic from '@platformatic/kafka'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { pauses } from '../../../lib/cluster/pauses.ts'
import { PlatformaticGroup } from '../../../lib/kafka/platformaticGroup.ts'
import type { Platformatic } from '../../../lib/kafka/platformaticOptions.ts'
import { SilentBrokers } from '../../../lib/kafka/silentBrokers.ts'

beforeEach(() => {
  vi.useFakeTimers()
  // The timer of another spec of this process may have been made without fake timers.
  vi.spyOn(pauses, 'sum_ms', 'get').mockReturnValue(0)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A group with one member, whose consumers do what a spec tells them. */
async function scene(group_protocol: 'classic' | 'consumer' = 'classic', leave_ms = 0) {
  const consumers: Consumer[] = []
  class Consumer extends EventEmitter {
    readonly connections = { getFirstAvailable() {}, on() {} }
    readonly topics = { trackAll() {} }
    readonly [platformatic.kOptions] = { retries: 3 }
    memberId: string | null = null
    hasJoined = false
    /** Whether its connections were closed without leaving. */
    isCut = false
    assignments: object[] | null = null
    lastHeartbeat: Date | null = null
    isClosed = false
    constructor() {
      super()
      consumers.push(this)
    }
    async metadata() {
      return { topics: new Map([['t', { partitionsCount: 1 }]]) }
    }
    async joinGroup() {
      this.assignments = [{ topic: 't', partitions: [0] }]
    }
    async consume() {
      this.hasJoined = true
      this.assignments = [{ topic: 't', partitions: [0] }]
      const stream = Object.assign(new EventEmitter(), { destroy: () => void stream.emit('close') })
      return stream
    }
    async close() {
      if (leave_ms > 0) await new Promise(resolve => setTimeout(resolve, leave_ms))
      this.isClosed = true
    }
  }
  class Base {
    isCut = false
    async close() {
      this.isCut = true
    }
  }
  const module = { ...platformatic, Base, Consumer } as unknown as Platformatic
  const options = {
    brokers: ['a:1'],
    group_protocol,
    kafka_options: { sessionTimeout: 10_000, requestTimeout: 5_000, groupInstanceId: 'pod-1' },
  } as const
  const limits = { max_fetched_bytes: 1_000_000, retry_timeout_ms: 60_000 }
  const assigned = vi.fn()
  const failed = vi.fn()
  const group = new PlatformaticGroup(
    module,
    options,
    { group_id: 'g', topics: ['t'], ...limits },
    { assigned, failed },
    new SilentBrokers({ retry_timeout_ms: 60_000 }),
  )
  await group.join(new AbortController().signal)
  return { group, consumers, assigned, failed }
}

it('a member whose heartbeats end without an event is replaced, and releases its partitions before', async () => {
  const { group, consumers, assigned, failed } = await scene()
  const [first] = consumers
  if (first === undefined) throw new Error('Expected a member')
  for (let beat = 0; beat < 10; beat++) {
    await vi.advanceTimersByTimeAsync(14_000)
    first.lastHeartbeat = new Date()
  }
  expect(consumers).toHaveLength(1)
  // As after a commit whose rejoin failed.
  await vi.advanceTimersByTimeAsync(15_500)
  expect(consumers).toHaveLength(2)
  expect(first.isClosed).toBe(true)
  const one = [{ topic: 't', partition: 0 }]
  expect(assigned.mock.calls).toEqual([[one], [[]], [one]])
  expect(failed).not.toHaveBeenCalled()
  await group.close()
})

it('an assignment shows like a heartbeat that a member is alive', async () => {
  const { group, consumers } = await scene()
  const [first] = consumers
  if (first === undefined) throw new Error('Expected a member')
  await vi.advanceTimersByTimeAsync(14_000)
  first.assignments = [...(first.assignments ?? [])]
  await vi.advanceTimersByTimeAsync(14_000)
  expect(consumers).toHaveLength(1)
  await group.close()
})

const fenced = new platformatic.ResponseError(12, 4, { '': [82, null] }, {})

it.each([
  ['a heartbeat', 'consumer:heartbeat:error', { error: fenced }],
  ['a rejoin', 'error', fenced],
])(
  'a member that %s shows to share its `groupInstanceId` fails, and does not join again',
  async (_, event, given) => {
    const { group, consumers, failed } = await scene()
    consumers[0]?.emit(event, given)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(consumers).toHaveLength(1)
    const message = expect.stringMatching(/^Another member of group g has the same `groupInstanceId`, pod-1/)
    expect(failed.mock.calls).toEqual([[expect.objectContaining({ code: 'ERR_CASSANDRA_KAFKA', message })]])
    await group.close()
  },
)

it('a member joins again after a heartbeat that failed for another reason', async () => {
  const { group, consumers, failed } = await scene()
  consumers[0]?.emit('consumer:heartbeat:error', { error: new platformatic.NetworkError('reset') })
  await vi.advanceTimersByTimeAsync(1_000)
  expect(consumers).toHaveLength(2)
  expect(failed).not.toHaveBeenCalled()
  await group.close()
})

it('a member of KIP-848 leaves by a new consumer, which may find another coordinator, and joins by a third one', async () => {
  const { group, consumers, assigned } = await scene('consumer')
  const [first] = consumers
  await vi.advanceTimersByTimeAsync(200)
  first?.emit('consumer:heartbeat:error', { error: new platformatic.NetworkError('silent') })
  await vi.advanceTimersByTimeAsync(1_000)
  const [, leaving, next] = consumers
  // Closed connections are not tried again.
  expect(first?.[platformatic.kOptions].retries).toBe(0)
  expect(first).toMatchObject({ isCut: true, isClosed: false })
  expect(leaving).toMatchObject({ hasJoined: false, isClosed: true, memberId: first?.memberId })
  expect(next).toMatchObject({ hasJoined: true, isClosed: false })
  const one = [{ topic: 't', partition: 0 }]
  expect(assigned.mock.calls).toEqual([[one], [[]], [one]])
  await group.close()
  expect(consumers).toHaveLength(4)
  expect(consumers[3]).toMatchObject({ isClosed: true, memberId: next?.memberId })
})

it('a member of KIP-848 that is closed while it joins again leaves, and joins no more', async () => {
  const { group, consumers } = await scene('consumer', 1_000)
  const [first] = consumers
  first?.emit('consumer:heartbeat:error', { error: new platformatic.NetworkError('silent') })
  await vi.advanceTimersByTimeAsync(500)
  expect(consumers).toHaveLength(2)
  const closed = group.close()
  await vi.advanceTimersByTimeAsync(10_000)
  await closed
  const later = consumers.slice(1)
  expect(later.filter(({ hasJoined }) => hasJoined)).toEqual([])
  expect(later.some(({ isClosed, memberId }) => isClosed && memberId === first?.memberId)).toBe(true)
})
