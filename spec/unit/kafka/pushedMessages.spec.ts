import { describe, expect, it } from 'vitest'
import { PushedBytes } from '../../../lib/kafka/pushedBytes.ts'
import { PushedMessages } from '../../../lib/kafka/pushedMessages.ts'
import type { KafkaRecord } from '../../../lib/options/kafkaClient.ts'
import { settled } from '../../stream/support.ts'

const records = (...offsets: bigint[]): KafkaRecord[] =>
  offsets.map(offset => ({
    topic: 't',
    partition: 1,
    offset,
    key: null,
    value: null,
    timestamp: 1,
    headers: [],
  }))

function scene(all = new PushedBytes(Number.POSITIVE_INFINITY)) {
  const taken: (bigint[] | string)[] = []
  const releases: (() => void)[] = []
  const flow: string[] = []
  const pushed = new PushedMessages(
    { topic: 't', partition: 1, offset: 5n },
    (given, next) => {
      taken.push(given.length === 0 ? `up to ${next}` : given.map(({ offset }) => offset))
      return new Promise(resolve => releases.push(resolve))
    },
    { pause: () => void flow.push('pause'), resume: () => void flow.push('resume') },
    all,
  )
  return { pushed, taken, releases, flow }
}

describe('messages that a client pushes', () => {
  it('pause the partition while two batches wait; if more are pushed, the client must seek back to them', async () => {
    const { pushed, taken, releases, flow } = scene()
    expect(pushed.add(records(5n, 6n), 6n)).toBe(true)
    expect(flow).toEqual([])
    expect(pushed.add(records(7n), 7n)).toBe(true)
    expect(flow).toEqual(['pause'])
    expect(pushed.add(records(8n), 8n)).toBe(false)
    expect(pushed.next).toBe(8n)
    await settled()
    expect(taken).toEqual([[5n, 6n]])
    releases[0]?.()
    await settled()
    expect(taken).toEqual([[5n, 6n], [7n]])
    expect(flow.at(-1)).toBe('resume')
    expect(pushed.add(records(8n), 8n)).toBe(true)
  })

  it('pause each partition with a batch while all of them are at the bound on bytes', async () => {
    // A message without content has 200 bytes.
    const all = new PushedBytes(400)
    const a = scene(all)
    const b = scene(all)
    expect(a.pushed.add(records(5n), 5n)).toBe(true)
    expect(b.pushed.add(records(5n), 5n)).toBe(true)
    expect([a.flow, b.flow]).toEqual([[], ['pause']])
    expect(a.pushed.add(records(6n), 6n)).toBe(false)
    expect(a.flow).toEqual(['pause'])
    await settled()
    b.releases[0]?.()
    await settled()
    expect([a.flow, b.flow]).toEqual([
      ['pause', 'resume'],
      ['pause', 'resume'],
    ])
    expect(a.pushed.add(records(6n), 6n)).toBe(true)
  })

  it('take a batch of a partition without one, however many bytes others have', () => {
    const all = new PushedBytes(100)
    const a = scene(all)
    const b = scene(all)
    expect(a.pushed.add(records(5n), 5n)).toBe(true)
    expect(b.pushed.add(records(5n), 5n)).toBe(true)
    expect(b.pushed.add(records(6n), 6n)).toBe(false)
  })

  it('of a partition that has ended leave room for others, although one is still being taken', async () => {
    const all = new PushedBytes(400)
    const a = scene(all)
    const b = scene(all)
    a.pushed.add(records(5n), 5n)
    b.pushed.add(records(5n), 5n)
    await settled()
    b.pushed.end()
    expect(a.pushed.add(records(6n), 6n)).toBe(true)
    b.releases[0]?.()
    await settled()
    expect(all.isFull).toBe(true)
  })

  it('are taken once, even if they are pushed again', async () => {
    const { pushed, taken } = scene()
    pushed.add(records(3n, 4n, 5n), 5n)
    pushed.add(records(4n, 5n), 5n)
    await settled()
    expect(taken).toEqual([[5n]])
  })

  it('may be followed by skipped offsets, which are taken when nothing waits', async () => {
    const { pushed, taken, releases } = scene()
    pushed.add(records(5n), 6n)
    pushed.passOver(9n)
    pushed.passOver(11n)
    await settled()
    expect([taken, pushed.next]).toEqual([[[5n]], 7n])
    expect([12n, 13n].map(offset => pushed.isExpected(offset))).toEqual([true, false])
    releases[0]?.()
    await settled()
    expect([taken, pushed.next]).toEqual([[[5n], 'up to 12'], 12n])
    pushed.passOver(12n)
    releases[1]?.()
    await settled()
    expect(taken.at(-1)).toBe('up to 13')
    pushed.sought()
    expect([12n, 13n, 14n].map(offset => pushed.isExpected(offset))).toEqual([false, true, false])
  })

  it('are expected from the offset on after which the client continues, up to the next one', async () => {
    const { pushed } = scene()
    // The offset 6 is the end of a transaction.
    pushed.add(records(5n), 6n)
    pushed.resolved(5n)
    expect([5n, 6n, 7n, 8n].map(offset => pushed.isExpected(offset))).toEqual([false, true, true, false])
  })

  it('are refused after the end', async () => {
    const { pushed, taken } = scene()
    pushed.end()
    await pushed.ended
    expect(pushed.add(records(5n), 5n)).toBe(false)
    expect(taken).toEqual([])
  })

  it('end with an error', async () => {
    const { pushed } = scene()
    pushed.fail(new Error('out of range'))
    await expect(pushed.ended).rejects.toThrow('out of range')
  })
})
