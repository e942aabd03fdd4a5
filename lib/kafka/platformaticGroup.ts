import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer } from '@platformatic/kafka'
import { within } from '../cluster/within.ts'
import { KafkaError } from '../errors.ts'
import type { GroupListener, Subscription, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'
import { kafkaFailure } from './kafkaFailure.ts'
import { newConsumer } from './platformaticConsumer.ts'
import { fencedBy, isFenced, isHopeless, isUnknownTopic } from './platformaticErrors.ts'
import { closeConnections, joinByStream, leaveInTime, memberLimits } from './platformaticMember.ts'
import type { Platformatic, PlatformaticOptions } from './platformaticOptions.ts'
import { retried } from './retried.ts'
import type { SilentBrokers } from './silentBrokers.ts'

/** Milliseconds between two checks of the assignment. The library has no event for it in the protocol of KIP-848. */
const LOOK_MS = 100

/** Milliseconds between two counts of the partitions. In the classic protocol, members must notice new partitions themselves. */
const COUNT_MS = 30_000

/** Longest time in milliseconds to wait until a consumer has left. After that, it keeps trying in the background. */
const LEAVE_MS = 5_000

/** Milliseconds for all attempts to leave. By then, the group has noticed by itself. */
const LEAVE_LIMIT_MS = 60_000

/** The same after `close()`: connections keep the process alive. A leave may wait behind a join, which waits for other members. */
const LAST_LEAVE_LIMIT_MS = 30_000

/** Longest time in milliseconds for a join. The group waits for its other members. */
const JOIN_MS = 180_000

/**
 * A member of a consumer group. When its consumer fails, a new one takes its place: after a failed heartbeat, the library's
 * consumer sends no more heartbeats, and it never looks for another coordinator.
 */
export class PlatformaticGroup {
  readonly #module: Platformatic
  readonly #options: PlatformaticOptions
  readonly #subscription: Subscription
  readonly #listener: GroupListener
  readonly #silent: SilentBrokers
  readonly #closing = new AbortController()
  /** In the protocol of KIP-848, the id of each consumer, so that its successor can leave in its place. */
  readonly #memberId = randomUUID()
  /** Whether the group may have a member of that id. */
  #mayBeMember = false
  #consumer: Consumer | undefined
  /** The assignment that the listener knows, compared by identity. */
  #known: object | null = null
  /** The last heartbeat that was seen, compared by identity. */
  #heartbeat: object | null = null
  /** When that or an assignment was seen, by `performance.now()`. Undefined while this process is no member. */
  #aliveAt: number | undefined
  /** Milliseconds without a heartbeat that a member may need for a rejoin. */
  readonly #mostSilence_ms: number
  #look: NodeJS.Timeout | undefined
  #count: NodeJS.Timeout | undefined
  /** Number of partitions of all topics when the group last was joined. */
  #partitions = 0
  #isRejoining = false
  #joining: Promise<void> = Promise.resolve()

  constructor(
    module: Platformatic,
    options: PlatformaticOptions,
    subscription: Subscription,
    listener: GroupListener,
    silent: SilentBrokers,
  ) {
    this.#module = module
    this.#options = options
    this.#subscription = subscription
    this.#listener = listener
    this.#silent = silent
    const { sessionTimeout, requestTimeout } = memberLimits(options.kafka_options)
    this.#mostSilence_ms = sessionTimeout + requestTimeout
  }

  /** Joins the group. Resolves when this process is a member. */
  async join(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#closing.abort(signal.reason), { once: true })
    this.#joining = this.#joinInTime()
    await this.#joining
    this.#closing.signal.throwIfAborted()
    this.#look = setInterval(() => this.#lookAtAssignment(), LOOK_MS)
    if (this.#options.group_protocol === 'classic')
      this.#count = setInterval(() => void this.#lookForPartitions().catch(() => {}), COUNT_MS)
  }

  async commit(offsets: readonly TopicOffset[]): Promise<void> {
    const consumer = this.#consumer
    if (consumer === undefined) return
    await consumer.commit({ offsets: offsets.map(offset => ({ ...offset, leaderEpoch: -1 })) })
  }

  /** Leaves the group. Never throws. */
  async close(): Promise<void> {
    clearInterval(this.#look)
    clearInterval(this.#count)
    this.#closing.abort(new KafkaError('ERR_CASSANDRA_KAFKA', 'The Kafka client was closed'))
    // A join waits for the other members of the group. One that succeeds later leaves by itself.
    await Promise.race([this.#joining.catch(() => {}), delay(LEAVE_MS, undefined, { ref: false })])
    await this.#leave()
  }

  /** @throws KafkaError when no attempt succeeds within `retry_timeout_ms` */
  async #joinInTime(): Promise<void> {
    const { signal } = this.#closing
    const { group_id, retry_timeout_ms } = this.#subscription
    try {
      await retried(retry_timeout_ms, signal, () => this.#joinOnce(), isHopeless)
    } catch (cause) {
      signal.throwIfAborted()
      if (isFenced(cause)) throw this.#fenced(cause)
      throw kafkaFailure(`Group ${group_id} cannot be joined at ${this.#options.brokers}`, cause)
    }
  }

  #newConsumer(): Consumer {
    const { group_id } = this.#subscription
    const { brokers, group_protocol, kafka_options } = this.#options
    return newConsumer(this.#module, this.#silent, {
      clientId: 'cassandra-streams',
      ...memberLimits(kafka_options),
      ...kafka_options,
      groupId: group_id,
      bootstrapBrokers: [...brokers],
      groupProtocol: group_protocol,
      autocommit: false,
    })
  }

  async #joinOnce(): Promise<void> {
    // Kafka would refuse a member that joins twice.
    await this.#leaveById(LEAVE_LIMIT_MS)
    this.#closing.signal.throwIfAborted()
    const consumer = this.#newConsumer()
    this.#consumer = consumer
    this.#known = null
    let isMember = false
    // A failure before the end of the join rejects the join itself.
    const lost = (error?: unknown) => {
      if (!isMember || this.#consumer !== consumer) return
      if (isFenced(error)) this.#listener.failed(this.#fenced(error))
      else this.#renew()
    }
    // Emitted when a rejoin fails.
    consumer.on('error', lost)
    consumer.on('consumer:heartbeat:error', ({ error }) => lost(error))
    try {
      this.#partitions = await this.#countPartitions(consumer)
      await within(JOIN_MS, this.#joinWith(consumer))
      this.#closing.signal.throwIfAborted()
    } catch (error) {
      await this.#giveUp()
      throw error
    }
    isMember = true
    this.#aliveAt = performance.now()
  }

  async #joinWith(consumer: Consumer): Promise<void> {
    const { topics } = this.#subscription
    if (this.#options.group_protocol === 'consumer') {
      this.#mayBeMember = true
      return joinByStream(consumer, topics, this.#memberId)
    }
    consumer.topics.trackAll(...topics)
    await consumer.joinGroup({})
  }

  #fenced(cause: unknown): KafkaError {
    return fencedBy(cause, this.#subscription.group_id, this.#options.kafka_options['groupInstanceId'])
  }

  #lookAtAssignment(): void {
    const { assignments = null, lastHeartbeat = null } = this.#consumer ?? {}
    if (this.#isSilent(assignments, lastHeartbeat)) this.#renew()
    else if (assignments !== this.#known) this.#assigned(assignments)
  }

  #assigned(assignments: Consumer['assignments']): void {
    this.#known = assignments
    const partitions: TopicPartition[] = (assignments ?? []).flatMap(({ topic, partitions }) =>
      this.#subscription.topics.includes(topic) ? partitions.map(partition => ({ topic, partition })) : [],
    )
    this.#listener.assigned(partitions)
  }

  /**
   * Whether the consumer sends no more heartbeats. That is so after a commit that the group refuses, if the rejoin that the library
   * then begins fails. The library emits no event.
   */
  #isSilent(assignments: object | null, heartbeat: object | null): boolean {
    if (this.#aliveAt === undefined || this.#options.group_protocol !== 'classic') return false
    const isAlive = assignments !== this.#known || heartbeat !== this.#heartbeat || this.#isRejoining
    this.#heartbeat = heartbeat
    if (isAlive) this.#aliveAt = performance.now()
    return performance.now() - this.#aliveAt > this.#mostSilence_ms
  }

  /** Starts a rebalance when there are more partitions. */
  async #lookForPartitions(): Promise<void> {
    const consumer = this.#consumer
    if (consumer === undefined || this.#isRejoining) return
    const partitions = await this.#countPartitions(consumer)
    if (consumer !== this.#consumer || partitions <= this.#partitions) return
    this.#isRejoining = true
    try {
      await within(JOIN_MS, consumer.joinGroup({}))
      this.#partitions = partitions
    } catch {
      // The library sends no more heartbeats, and emits no event.
      if (consumer === this.#consumer) this.#renew()
    } finally {
      this.#isRejoining = false
    }
  }

  /** @throws KafkaError that names the topics that do not exist */
  async #countPartitions(consumer: Consumer): Promise<number> {
    const { topics, group_id } = this.#subscription
    const ask = (topics: readonly string[]) => consumer.metadata({ topics: [...topics], forceUpdate: true })
    try {
      let partitions = 0
      for (const { partitionsCount } of (await ask(topics)).topics.values()) partitions += partitionsCount
      return partitions
    } catch (error) {
      // The library names another topic than the one that is missing.
      if (!isUnknownTopic(error)) throw error
      const asked = topics.map(async topic =>
        (await ask([topic]).then(() => false, isUnknownTopic)) ? topic : '',
      )
      const missing = (await Promise.all(asked)).filter(topic => topic !== '')
      if (missing.length === 0) throw error
      const text = `Group ${group_id} cannot be joined: Kafka has no topic ${missing.join(', ')}. Create it, or correct \`topics\``
      throw new KafkaError('ERR_CASSANDRA_KAFKA', text, { cause: error })
    }
  }

  /** Joins again with a new consumer. The partitions are released, because the group assigns them to other members. */
  #renew(): void {
    if (this.#closing.signal.aborted) return
    const left = this.#giveUp()
    this.#listener.assigned([])
    this.#joining = this.#joining
      .catch(() => {})
      .then(() => left)
      .then(() => this.#joinInTime())
    this.#joining.catch((error: Error) => {
      if (!this.#closing.signal.aborted) this.#listener.failed(error)
    })
  }

  /** Before another consumer, which leaves in place of this one in the protocol of KIP-848. */
  async #giveUp(): Promise<void> {
    if (this.#options.group_protocol === 'classic' || this.#closing.signal.aborted) return this.#leave()
    const consumer = this.#release()
    if (consumer !== undefined) await closeConnections(this.#module, consumer)
  }

  async #leave(): Promise<void> {
    const limit_ms = this.#closing.signal.aborted ? LAST_LEAVE_LIMIT_MS : LEAVE_LIMIT_MS
    const left = this.#leaveWithin(limit_ms)
    await Promise.race([left, delay(LEAVE_MS, undefined, { ref: false })])
  }

  async #leaveWithin(limit_ms: number): Promise<void> {
    const consumer = this.#release()
    if (consumer !== undefined) {
      if (this.#options.group_protocol === 'classic') return leaveInTime(this.#module, consumer, limit_ms)
      await closeConnections(this.#module, consumer)
    }
    await this.#leaveById(limit_ms)
  }

  /** Leaves in the protocol of KIP-848. Another consumer may know another coordinator, which may be gone or hang. */
  async #leaveById(limit_ms: number): Promise<void> {
    if (!this.#mayBeMember) return
    const consumer = this.#newConsumer()
    consumer.memberId = this.#memberId
    await leaveInTime(this.#module, consumer, limit_ms)
  }

  #release(): Consumer | undefined {
    const consumer = this.#consumer
    this.#consumer = undefined
    this.#known = null
    this.#aliveAt = undefined
    return consumer
  }
}
