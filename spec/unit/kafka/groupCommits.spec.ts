import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { GroupCommits } from '../../../lib/kafka/groupCommits.ts'
import type { TopicOffset } from '../../../lib/options/kafkaClient.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const of = (partition: number) => ({ topic: 't', partition })

function scene() {
  const committed: string[] = []
  let isRefusing = false
  const commit = async (offsets: readonly TopicOffset[]) => {
    if (isRefusing) throw new Error('the group rebalances')
    committed.push(offsets.map(({ partition, offset }) => `${partition}: ${offset}`).join(', '))
  }
  const commits = new GroupCommits({ commit })
  return {
    commits,
    committed,
    refuse: (is: boolean) => {
      isRefusing = is
    },
  }
}

it('offsets are committed within a second, the latest of each partition', async () => {
  const { commits, committed } = scene()
  commits.passed(of(0), 5n)
  commits.passed(of(1), 7n)
  commits.passed(of(0), 9n)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(committed).toEqual(['0: 9, 1: 7'])
  commits.close()
})

it('offsets of a refused commit are committed later, unless the partition has left', async () => {
  const { commits, committed, refuse } = scene()
  refuse(true)
  commits.passed(of(0), 5n)
  commits.passed(of(1), 7n)
  await vi.advanceTimersByTimeAsync(1_000)
  commits.forget(of(1))
  refuse(false)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(committed).toEqual(['0: 5'])
  commits.close()
})

it('all offsets are committed again after a while, because a late commit of another process may have replaced them', async () => {
  const { commits, committed } = scene()
  commits.passed(of(0), 5n)
  commits.passed(of(1), 7n)
  await vi.advanceTimersByTimeAsync(1_000)
  commits.forget(of(1))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(committed).toEqual(['0: 5, 1: 7', '0: 5', '0: 5'])
  commits.close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(committed).toHaveLength(3)
})

it('a client that throws at once is like one that rejects', async () => {
  let tries = 0
  const commits = new GroupCommits({
    commit: () => {
      tries++
      throw new Error('not connected')
    },
  })
  commits.passed(of(0), 5n)
  await commits.flush()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(tries).toBe(2)
  commits.close()
})
