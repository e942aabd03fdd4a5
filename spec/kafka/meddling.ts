import type {
  ConnectKafka,
  GroupListener,
  KafkaClient,
  KafkaRecord,
  TopicOffset,
} from '../../lib/options/kafkaClient.ts'

/** A real client that can report other assignments, and can deliver messages after a revocation. */
export class Meddling implements KafkaClient {
  readonly #real: KafkaClient
  listener: GroupListener | undefined
  readonly takers = new Map<number, (records: readonly KafkaRecord[]) => undefined | Promise<void>>()
  readonly committed: TopicOffset[] = []

  constructor(real: KafkaClient) {
    this.#real = real
  }

  join(listener: GroupListener): Promise<void> {
    this.listener = listener
    return this.#real.join(listener)
  }

  log(...given: Parameters<KafkaClient['log']>): ReturnType<KafkaClient['log']> {
    return this.#real.log(...given)
  }

  read(...[from, take, signal]: Parameters<KafkaClient['read']>): Promise<void> {
    this.takers.set(from.partition, take)
    return this.#real.read(from, take, signal)
  }

  commit(offsets: readonly TopicOffset[]): Promise<void> {
    this.committed.push(...offsets)
    return this.#real.commit(offsets)
  }

  close(): Promise<void> {
    return this.#real.close()
  }
}

/** Lets a class of clients stand between the sink and a real client. */
export function meddled<C extends KafkaClient>(
  connect: ConnectKafka,
  Client: new (real: KafkaClient) => C,
): { readonly consumer: ConnectKafka; readonly client: () => C | undefined } {
  let client: C | undefined
  const consumer: ConnectKafka = subscription => {
    client = new Client(connect(subscription))
    return client
  }
  return { consumer, client: () => client }
}
