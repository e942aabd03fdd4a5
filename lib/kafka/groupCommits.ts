import { within } from '../cluster/within.ts'
import type { KafkaClient, TopicOffset, TopicPartition } from '../options/kafkaClient.ts'

/** Milliseconds between two commits to Kafka. */
const INTERVAL_MS = 1_000

/**
 * Milliseconds after which all offsets are committed again. A commit of a previous owner may arrive late and replace a newer offset,
 * and a broker forgets the offsets of a group that commits nothing for days.
 */
const AGAIN_MS = 30_000

/** Longest time in milliseconds for a commit. `stop()` waits for the last one. */
const LIMIT_MS = 5_000

/**
 * Commits offsets to the consumer group, up to a second after the checkpoint. They serve monitoring only: reading continues at
 * the offsets in the checkpoints.
 */
export class GroupCommits {
  readonly #client: Pick<KafkaClient, 'commit'>
  #offsets = new Map<string, TopicOffset>()
  /** Partitions of this process, with their latest offsets. */
  readonly #own = new Map<string, TopicOffset>()
  readonly #again = setInterval(() => this.#repeat(), AGAIN_MS).unref()
  #timer: NodeJS.Timeout | undefined
  #committing: Promise<void> = Promise.resolve()

  constructor(client: Pick<KafkaClient, 'commit'>) {
    this.#client = client
  }

  passed({ topic, partition }: TopicPartition, offset: bigint): void {
    const key = keyOf({ topic, partition })
    this.#own.set(key, { topic, partition, offset })
    this.#offsets.set(key, { topic, partition, offset })
    this.#flushLater()
  }

  /** Commits nothing more for this partition, because another process may have it. */
  forget(of: TopicPartition): void {
    this.#own.delete(keyOf(of))
    this.#offsets.delete(keyOf(of))
  }

  /** Commits all offsets so far. Resolves when that has succeeded or failed. Never throws. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#committing = this.#committing.then(async () => {
      const offsets = [...this.#offsets.values()]
      this.#offsets = new Map()
      if (offsets.length === 0) return
      const committed = Promise.resolve().then(() => this.#client.commit(offsets))
      await within(LIMIT_MS, committed).catch(() => this.#keep(offsets))
    })
    return this.#committing
  }

  /** Commits nothing more. */
  close(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#again)
    this.#own.clear()
    this.#offsets.clear()
  }

  /** Keeps the offsets of a failed commit for the next one. During a rebalance, a group refuses commits. */
  #keep(offsets: readonly TopicOffset[]): void {
    for (const each of offsets) {
      const key = keyOf(each)
      if (this.#own.has(key) && !this.#offsets.has(key)) this.#offsets.set(key, each)
    }
    if (this.#offsets.size > 0) this.#flushLater()
  }

  #repeat(): void {
    for (const [key, offset] of this.#own) this.#offsets.set(key, offset)
    if (this.#offsets.size > 0) void this.flush()
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref()
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
