import { within } from '../cluster/within.ts'
import type { KafkaClient, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'

/** Milliseconds between two commits to Kafka. */
const INTERVAL_MS = 1_000

/** Longest time in milliseconds for a commit, since whoever stops waits for the last one. */
const LIMIT_MS = 5_000

/** Tells the group how far its partitions are: some time after the checkpoint, and for monitoring alone. */
export class GroupCommits {
  readonly #client: Pick<KafkaClient, 'commit'>
  #offsets = new Map<string, TopicOffset>()
  #timer: NodeJS.Timeout | undefined
  #committing: Promise<void> = Promise.resolve()

  constructor(client: Pick<KafkaClient, 'commit'>) {
    this.#client = client
  }

  passed({ topic, partition }: TopicPartition, offset: bigint): void {
    this.#offsets.set(`${topic}/${partition}`, { topic, partition, offset })
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref()
  }

  /** Somebody else has this partition by now. */
  forget({ topic, partition }: TopicPartition): void {
    this.#offsets.delete(`${topic}/${partition}`)
  }

  /** Resolves when all that came is told, or cannot be. Never throws. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#committing = this.#committing.then(async () => {
      const offsets = [...this.#offsets.values()]
      this.#offsets = new Map()
      // Nothing depends on it, and the next ones tell more.
      if (offsets.length > 0) await within(LIMIT_MS, this.#client.commit(offsets)).catch(() => {})
    })
    return this.#committing
  }
}
