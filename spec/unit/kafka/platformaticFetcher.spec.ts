import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import * as platformatic from '@platformatic/kafka'
import { expect, it, vi } from 'vitest'
import { PlatformaticFetcher } from '../../../lib/kafka/platformaticFetcher.ts'
import type { Platformatic } from '../../../lib/kafka/platformaticOptions.ts'
import { SilentBrokers } from '../../../lib/kafka/silentBrokers.ts'

const LIMIT_MS = 300

/** Two brokers, each with one partition. A real broker fails for all clients at once, these fail for one request or another. */
class Cluster {
  /** Brokers whose fetches fail. */
  readonly failing = new Set<number>()
  hasMetadata = true
  /** Broker that leads the second partition. -1 for none. */
  second = 2
  /** Whether the brokers refuse requests as a whole. */
  refuses = false
  /** Error code of the partitions in an answer. */
  errorCode = 0
  readonly fetches = [0, 0]

  get module(): Platformatic {
    const cluster = this
    class Consumer extends EventEmitter {
      readonly connections = { getFirstAvailable() {}, on() {} }
      #second = 2
      async metadata({ forceUpdate }: { readonly forceUpdate: boolean }) {
        if (!cluster.hasMetadata) throw new Error('no metadata')
        if (forceUpdate || this.#second === 2) this.#second = cluster.second
        const partitions = [{ leader: 1 }, { leader: this.#second }]
        return { topics: new Map([['t', { id: 'topic', partitions }]]) }
      }
      async fetch({ node }: { readonly node: number }) {
        await delay(5)
        cluster.fetches[node - 1] = (cluster.fetches[node - 1] ?? 0) + 1
        if (cluster.failing.has(node)) throw new Error(`broker ${node} is out of reach`)
        if (cluster.refuses)
          throw Object.assign(new Error('refused'), { response: { errorCode: -1, responses: [] } })
        // A broker may leave out partitions without messages.
        if (cluster.errorCode === 0) return { errorCode: 0, responses: [] }
        const partitions = [{ partitionIndex: node - 1, errorCode: cluster.errorCode }]
        const response = { errorCode: 0, responses: [{ topicId: 'topic', partitions }] }
        // Like the library.
        throw Object.assign(new Error('a partition failed'), { response })
      }
      async close() {}
    }
    return { ...platformatic, Consumer } as unknown as Platformatic
  }
}

function scene(limit_ms = LIMIT_MS) {
  const cluster = new Cluster()
  const subscription = {
    group_id: 'g',
    topics: ['t'],
    max_fetched_bytes: 1_000_000,
    retry_timeout_ms: limit_ms,
  }
  const options = { brokers: ['a:1'], group_protocol: 'classic', kafka_options: {} } as const
  const fetcher = new PlatformaticFetcher(
    cluster.module,
    options,
    subscription,
    new SilentBrokers({ retry_timeout_ms: 60_000 }),
  )
  const leaving = new AbortController()
  const read = (partition: number) =>
    fetcher.read({ topic: 't', partition, offset: 0n }, () => undefined, leaving.signal)
  const end = async () => {
    leaving.abort()
    await fetcher.close()
  }
  return { cluster, read, end }
}

it('a broker out of reach ends the reads of its partitions, although others answer', async () => {
  const { cluster, read, end } = scene()
  cluster.failing.add(2)
  const first = read(0)
  await expect(read(1)).rejects.toThrow(/^Messages of t\/1 cannot be read .* broker 2 is out of reach/)
  const [before] = cluster.fetches
  await delay(100)
  expect(cluster.fetches[0]).toBeGreaterThan(before ?? 0)
  await end()
  await first
})

it('failures that pass do not add up, also of partitions without messages', async () => {
  const { cluster, read, end } = scene(1_000)
  const reads = [read(0), read(1)]
  // Longer together than the limit.
  for (let blip = 0; blip < 8; blip++) {
    cluster.hasMetadata = false
    await delay(80)
    cluster.hasMetadata = true
    cluster.failing.add(2)
    await delay(80)
    cluster.failing.clear()
    const [first = 0, second = 0] = cluster.fetches
    await vi.waitFor(
      () => {
        expect(cluster.fetches[0]).toBeGreaterThan(first + 1)
        expect(cluster.fetches[1]).toBeGreaterThan(second + 1)
      },
      { timeout: 20_000 },
    )
  }
  await end()
  await Promise.all(reads)
})

it('a partition without a leader is read again when it has one, although the library keeps old metadata', async () => {
  const { cluster, read, end } = scene(5_000)
  cluster.second = -1
  const reads = [read(0), read(1)]
  await delay(150)
  expect(cluster.fetches[1]).toBe(0)
  cluster.second = 2
  await vi.waitFor(() => expect(cluster.fetches[1]).toBeGreaterThan(0), { timeout: 20_000 })
  await end()
  await Promise.all(reads)
})

it('missing metadata ends all reads', async () => {
  const { cluster, read, end } = scene()
  cluster.hasMetadata = false
  const reads = await Promise.allSettled([read(0), read(1)])
  expect(reads.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await end()
})

it('requests that the broker refuses as a whole end the reads, and are not sent without a pause', async () => {
  const { cluster, read, end } = scene()
  cluster.refuses = true
  await expect(read(0)).rejects.toThrow(/^Messages of t\/0 cannot be read .* refused/)
  expect(cluster.fetches[0]).toBeLessThan(10)
  await end()
})

it('an error of the server that it cannot explain passes, unless it lasts', async () => {
  const { cluster, read, end } = scene(1_500)
  cluster.errorCode = -1
  const reading = read(0)
  reading.catch(() => {})
  await vi.waitFor(() => expect(cluster.fetches[0]).toBeGreaterThan(1))
  cluster.errorCode = 0
  const [before = 0] = cluster.fetches
  await vi.waitFor(() => expect(cluster.fetches[0]).toBeGreaterThan(before + 1))
  cluster.errorCode = -1
  await expect(reading).rejects.toThrow(/no attempt has succeeded .* error -1$/)
  await end()
})

it('an error of a partition that another try cannot mend ends the read at once', async () => {
  const { cluster, read, end } = scene(60_000)
  // TOPIC_AUTHORIZATION_FAILED
  cluster.errorCode = 29
  await expect(read(0)).rejects.toThrow('the broker refused with error 29')
  expect(cluster.fetches[0]).toBe(1)
  await end()
})
