import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer } from '@platformatic/kafka'
import { backoff } from '../cluster/backoff.ts'
import type {
  PartitionLog,
  Subscription,
  TakeRecords,
  TopicOffset,
  TopicPartition,
} from '../options/kafkaClient.ts'
import { FetchQueue } from './fetchQueue.ts'
import { kafkaFailure } from './kafkaFailure.ts'
import { newConsumer } from './platformaticConsumer.ts'
import { mayPass } from './platformaticErrors.ts'
import type { Platformatic, PlatformaticOptions } from './platformaticOptions.ts'
import { recordsIn } from './recordBatches.ts'
import { retried } from './retried.ts'
import type { SilentBrokers } from './silentBrokers.ts'

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>

/** Longest time in milliseconds that a broker waits for messages. */
const IDLE_MS = 500

/**
 * The same while fetched messages wait to be taken, because their partitions may soon have room again and need the next request.
 * Also while partitions are being opened, one after the other.
 */
const BUSY_MS = 20

/** Milliseconds after which no other partition will be opened. */
const OPENING_MS = 1_000

/** Maximum number of bytes of one partition in one response. A larger batch is returned alone. */
const PARTITION_BYTES = 1_048_576

/** Milliseconds for a request, at least. */
const FETCH_MS = 15_000

/** Minimum number of bytes of a fetch, so that a partition without fetched messages can always get some. */
const LEAST_BYTES = 65_536

const READ_UNCOMMITTED = 0
const EARLIEST = -2n
const LATEST = -1n

/** Fetches messages of any number of partitions. Each broker gets one request at a time, for the partitions that have room. */
export class PlatformaticFetcher {
  readonly #consumer: Consumer
  readonly #topics: readonly string[]
  readonly #mostBytes: number
  readonly #timeout_ms: number
  readonly #closing = new AbortController()
  /** In the order in which they are fetched: a partition that got messages moves to the end. */
  readonly #queues = new Set<FetchQueue>()
  /** Brokers with a request in flight, and the most bytes of its response. */
  readonly #asked = new Map<number, number>()
  #isPlanning = false
  /** Whether there may be more to fetch than is being planned. */
  #isAskedAgain = false
  /** Resolves when the next try may start after a failure. */
  #pause: Promise<void> | undefined
  /** Consecutive failures. */
  #failures = 0
  /** Whether a partition had no leader in the last metadata. */
  #isLeaderless = false
  /** Number of brokers that lead partitions. */
  #leaders = 1
  /** When offsets were last asked for, by `performance.now()`. On a connection, such a question waits behind a fetch. */
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(
    module: Platformatic,
    { brokers, kafka_options }: PlatformaticOptions,
    { group_id, topics, max_fetched_bytes, retry_timeout_ms }: Subscription,
    silent: SilentBrokers,
  ) {
    this.#consumer = newConsumer(module, silent, {
      clientId: 'cassandra-streams',
      // An answer with messages may be large.
      requestTimeout: Math.max(FETCH_MS, silent.limit_ms),
      ...kafka_options,
      // This consumer never joins the group.
      groupId: group_id,
      groupProtocol: 'classic',
      bootstrapBrokers: [...brokers],
      autocommit: false,
      // Retries are done here, because they depend on the response.
      retries: 0,
    })
    this.#topics = topics
    this.#mostBytes = max_fetched_bytes
    this.#timeout_ms = retry_timeout_ms
  }

  async log(of: TopicPartition, signal: AbortSignal): Promise<PartitionLog> {
    this.#askedAt = performance.now()
    try {
      return await retried(this.#timeout_ms, signal, () => this.#askForLog(of))
    } catch (cause) {
      signal.throwIfAborted()
      throw kafkaFailure(`The offsets of ${of.topic}/${of.partition} cannot be read`, cause, { ...of })
    } finally {
      this.#askedAt = performance.now()
    }
  }

  async read(from: TopicOffset, take: TakeRecords, signal: AbortSignal): Promise<void> {
    const queue = new FetchQueue(from, take, signal, () => this.#ask())
    this.#queues.add(queue)
    this.#ask()
    try {
      await queue.ended
    } finally {
      this.#queues.delete(queue)
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#consumer.close(true)
  }

  async #askForLog({ topic, partition }: TopicPartition): Promise<PartitionLog> {
    // Older metadata may have the id of a topic that was deleted and created again.
    const metadata = await this.#consumer.metadata({ topics: [topic], forceUpdate: true })
    const of = { topics: [topic], partitions: { [topic]: [partition] }, isolationLevel: READ_UNCOMMITTED }
    const [first, next] = await Promise.all(
      [EARLIEST, LATEST].map(async timestamp => {
        const found = await this.#consumer.listOffsets({ ...of, timestamp })
        const offset = found.get(topic)?.[partition]
        if (offset === undefined || offset < 0n) throw new Error('the broker returned no offset')
        return offset
      }),
    )
    return { first: first ?? 0n, next: next ?? 0n, topic_id: metadata.topics.get(topic)?.id }
  }

  /** Sends a fetch to each broker without one in flight, for the partitions that have room. */
  #ask(): void {
    if (this.#queues.size === 0 || this.#closing.signal.aborted) return
    this.#isAskedAgain = this.#isPlanning
    if (this.#isPlanning) return
    this.#isPlanning = true
    void this.#plan().finally(() => {
      this.#isPlanning = false
      if (this.#isAskedAgain) this.#ask()
    })
  }

  async #plan(): Promise<void> {
    await this.#pause
    try {
      const metadata = await this.#consumer.metadata({
        topics: [...this.#topics],
        forceUpdate: this.#failures > 0 || this.#isLeaderless,
      })
      const leaders = new Set<number>()
      const byLeader = new Map<number, FetchQueue[]>()
      const leaderless: FetchQueue[] = []
      for (const queue of this.#queues) {
        const { topic, partition } = queue.of
        const found = metadata.topics.get(topic)
        const leader = found?.partitions[partition]?.leader
        if (found === undefined || leader === undefined || leader < 0) {
          leaderless.push(queue)
          continue
        }
        leaders.add(leader)
        queue.topicId ??= found.id
        if (queue.topicId !== found.id) queue.lose('the topic was deleted and created again')
        if (queue.isOver || this.#asked.has(leader)) continue
        const others = byLeader.get(leader)
        if (others === undefined) byLeader.set(leader, [queue])
        else others.push(queue)
      }
      this.#leaders = Math.max(1, leaders.size)
      this.#isLeaderless = leaderless.length > 0
      for (const [leader, queues] of byLeader) this.#askLeader(leader, queues)
      if (leaderless.length > 0) this.#failed(new Error('no broker leads the partition'), leaderless)
    } catch (error) {
      this.#failed(error, this.#queues)
    }
  }

  #askLeader(leader: number, queues: readonly FetchQueue[]): void {
    let held = 0
    for (const { bytes } of this.#queues) held += bytes
    let coming = 0
    for (const bytes of this.#asked.values()) coming += bytes
    const left = this.#mostBytes - held - coming
    // A replay is sent only when it is complete. So a partition without fetched messages is fetched even beyond the limit.
    const wanting = queues.filter(({ bytes }) => (left > 0 ? bytes < PARTITION_BYTES : bytes === 0))
    const isWanting = new Set(wanting)
    // A partition that wants nothing does not fail.
    for (const queue of queues) if (!isWanting.has(queue)) queue.failingSince = undefined
    if (wanting.length === 0) return
    const asked = new Map(wanting.map(queue => [queue, queue.next]))
    const share = Math.floor(this.#mostBytes / this.#leaders)
    const maxBytes = Math.max(LEAST_BYTES, Math.min(left, share, 10 * PARTITION_BYTES))
    this.#asked.set(leader, maxBytes)
    const topics = wanting.map(({ of: { partition }, next, topicId = '' }) => ({
      topicId,
      partitions: [
        {
          partition,
          fetchOffset: next,
          partitionMaxBytes: Math.min(PARTITION_BYTES, maxBytes),
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        },
      ],
    }))
    const isOpening = performance.now() - this.#askedAt < OPENING_MS
    const isBusy = wanting.length < queues.length || held > 0 || isOpening
    const maxWaitTime = isBusy ? BUSY_MS : IDLE_MS
    const options = {
      node: leader,
      topics,
      maxWaitTime,
      minBytes: 1,
      maxBytes,
      // The broker gets READ_COMMITTED: see `newConsumer`.
      isolationLevel: READ_UNCOMMITTED,
    }
    this.#consumer
      .fetch(options)
      .then(
        response => {
          this.#failures = 0
          this.#answered(response, asked)
        },
        (error: unknown) => {
          const { response } = error as { readonly response?: FetchResponse }
          // If one partition failed, the library rejects with a response that has the messages of the others.
          if (response?.responses === undefined || response.errorCode !== 0) this.#failed(error, asked.keys())
          else this.#answered(response, asked)
        },
      )
      .finally(() => {
        this.#asked.delete(leader)
        this.#ask()
      })
  }

  #answered({ responses }: FetchResponse, asked: ReadonlyMap<FetchQueue, bigint>): void {
    const places = new Map(
      [...asked].map(([queue, from]) => [placeOf(queue.topicId, queue.of.partition), { queue, from }]),
    )
    const failing = new Set<FetchQueue>()
    for (const { topicId, partitions } of responses) {
      for (const { partitionIndex, errorCode, records, abortedTransactions } of partitions) {
        const place = places.get(placeOf(topicId, partitionIndex))
        if (place === undefined) continue
        const { queue, from } = place
        if (errorCode !== 0) {
          failing.add(queue)
          this.#refused(queue, errorCode)
        } else if (records !== undefined && records.length > 0) {
          if (this.#queues.delete(queue)) this.#queues.add(queue)
          queue.add(from, recordsIn(records, abortedTransactions ?? [], queue.of, from))
        }
      }
    }
    // A response may lack partitions without messages.
    for (const queue of asked.keys()) if (!failing.has(queue)) queue.failingSince = undefined
  }

  #refused(queue: FetchQueue, errorCode: number): void {
    const why = `the broker refused with error ${errorCode}`
    if (mayPass(errorCode)) this.#failed(new Error(why), [queue])
    else queue.lose(why)
  }

  /** Waits before the next try. */
  #failed(cause: unknown, queues: Iterable<FetchQueue>): void {
    if (this.#closing.signal.aborted) return
    for (const queue of [...queues]) queue.failed(cause, this.#timeout_ms)
    this.#pause = delay(50 + backoff(this.#failures++), undefined, { signal: this.#closing.signal }).catch(
      () => {},
    )
    void this.#pause.then(() => this.#ask())
  }
}

function placeOf(topicId: string | undefined, partition: number): string {
  return `${topicId}/${partition}`
}
