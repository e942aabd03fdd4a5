import { KafkaError } from '../errors.ts'
import type {
  ConnectKafka,
  GroupListener,
  KafkaClient,
  PartitionLog,
  Subscription,
  TakeRecords,
  TopicOffset,
  TopicPartition,
} from '../options/kafkaClient.ts'
import { PlatformaticFetcher } from './platformaticFetcher.ts'
import { PlatformaticGroup } from './platformaticGroup.ts'
import type { Platformatic, PlatformaticOptions } from './platformaticOptions.ts'
import { SilentBrokers } from './silentBrokers.ts'

/** Connects through `@platformatic/kafka`. */
export function platformaticConsumer(options: PlatformaticOptions): ConnectKafka {
  return subscription => new PlatformaticClient(options, subscription)
}

/**
 * Uses two consumers: one is a member of the group, and the other one fetches. On a shared connection, a fetch that waits for
 * messages would delay heartbeats. The library's stream of messages is not used, because on a revocation it does not wait until
 * the partition is released.
 */
class PlatformaticClient implements KafkaClient {
  readonly #options: PlatformaticOptions
  readonly #subscription: Subscription
  readonly #closing = new AbortController()
  #group: PlatformaticGroup | undefined
  #fetcher: PlatformaticFetcher | undefined

  constructor(options: PlatformaticOptions, subscription: Subscription) {
    this.#options = options
    this.#subscription = subscription
  }

  async join(listener: GroupListener): Promise<void> {
    const module = await load()
    const { signal } = this.#closing
    signal.throwIfAborted()
    const silent = new SilentBrokers(this.#subscription)
    this.#fetcher = new PlatformaticFetcher(module, this.#options, this.#subscription, silent)
    this.#group = new PlatformaticGroup(module, this.#options, this.#subscription, listener, silent)
    await this.#group.join(signal)
  }

  log(partition: TopicPartition, signal: AbortSignal): Promise<PartitionLog> {
    return this.#reading.log(partition, AbortSignal.any([signal, this.#closing.signal]))
  }

  read(from: TopicOffset, take: TakeRecords, signal: AbortSignal): Promise<void> {
    return this.#reading.read(from, take, signal)
  }

  async commit(offsets: readonly TopicOffset[]): Promise<void> {
    await this.#group?.commit(offsets)
  }

  async close(): Promise<void> {
    this.#closing.abort(new KafkaError('ERR_CASSANDRA_KAFKA', 'The Kafka client was closed'))
    await Promise.all([this.#group?.close(), this.#fetcher?.close()])
  }

  get #reading(): PlatformaticFetcher {
    if (this.#fetcher === undefined)
      throw new KafkaError('ERR_CASSANDRA_KAFKA', 'The Kafka client has not joined its group yet')
    return this.#fetcher
  }
}

async function load(): Promise<Platformatic> {
  try {
    return await import('@platformatic/kafka')
  } catch (cause) {
    const text =
      '`brokers` needs the package @platformatic/kafka, which cannot be loaded: run `npm install @platformatic/kafka`, ' +
      'or give another client as `consumer`'
    throw new KafkaError('ERR_CASSANDRA_KAFKA', text, { cause })
  }
}
