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
  /** Partitions that are ours. */
  readonly #own = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #committing: Promise<void> = Promise.resolve()

  constructor(client: Pick<KafkaClient, 'commit'>) {
    this.#client = client
  }

  passed({ topic, partition }: TopicPartition, offset: bigint): void {
    this.#own.add(keyOf({ topic, partition }))
    this.#offsets.set(keyOf({ topic, partition }), { topic, partition, offset })
    this.#flushLater()
  }

  /** Somebody else has this partition by now. */
  forget(of: TopicPartition): void {
    this.#own.delete(keyOf(of))
    this.#offsets.delete(keyOf(of))
  }

  /** Resolves when all that came is told, or cannot be now. Never throws. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#committing = this.#committing.then(async () => {
      const offsets = [...this.#offsets.values()]
      this.#offsets = new Map()
      if (offsets.length === 0) return
      await within(LIMIT_MS, this.#client.commit(offsets)).catch(() => this.#keep(offsets))
    })
    return this.#committing
  }

  /** Nothing is told any more. */
  close(): void {
    clearTimeout(this.#timer)
    this.#own.clear()
    this.#offsets.clear()
  }

  /** A group that shares its partitions anew takes none just now. */
  #keep(offsets: readonly TopicOffset[]): void {
    for (const each of offsets) {
      const key = keyOf(each)
      if (this.#own.has(key) && !this.#offsets.has(key)) this.#offsets.set(key, each)
    }
    if (this.#offsets.size > 0) this.#flushLater()
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref()
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
