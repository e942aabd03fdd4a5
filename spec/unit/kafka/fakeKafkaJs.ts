import { EventEmitter } from 'node:events'
import type { Batch } from '../../../lib/kafka/kafkaJsLibrary.ts'

type EachBatch = (payload: object) => Promise<void>

/** An instance of KafkaJS with one partition, `t/0`. A spec says when its consumer delivers what. */
export class FakeKafkaJs {
  /** What the sink asks of the consumer. */
  readonly steered: string[] = []
  /** Options of the consumers. */
  readonly configs: object[] = []
  log = { low: '0', high: '1000000' }
  readonly #events = new EventEmitter()
  #eachBatch: EachBatch = async () => {}

  consumer(config: object): object {
    this.configs.push(config)
    return {
      connect: async () => {},
      disconnect: async () => {},
      subscribe: async () => {},
      run: async ({ eachBatch }: { readonly eachBatch: EachBatch }) => {
        this.#eachBatch = eachBatch
      },
      seek: ({ offset }: { readonly offset: string }) => void this.steered.push(`seek ${offset}`),
      pause: () => void this.steered.push('pause'),
      resume: () => void this.steered.push('resume'),
      commitOffsets: async () => {},
      on: (name: string, listener: () => void) => this.#events.on(name, listener),
    }
  }

  admin(): object {
    return {
      connect: async () => {},
      disconnect: async () => {},
      fetchTopicOffsets: async () => [{ partition: 0, ...this.log }],
    }
  }

  /** Messages without gaps from this offset on. Returns whether the sink took them. */
  async deliver(from: number, count: number, more: object = {}): Promise<boolean> {
    const messages = Array.from({ length: count }, (_, i) => ({
      offset: String(from + i),
      key: null,
      value: null,
      timestamp: '1',
    }))
    const place = { topic: 't', partition: 0 }
    const lastOffset = () => String(from + count - 1)
    const batch: Batch = { ...place, messages, fetchedOffset: String(from), lastOffset, ...more }
    let isTaken = false
    const resolveOffset = () => {
      isTaken = true
    }
    await this.#eachBatch({ batch, resolveOffset, isStale: () => false })
    return isTaken
  }

  /** A response of which KafkaJS delivers nothing. */
  passOver(firstOffset: number, lastOffset: number): void {
    const offsets = { firstOffset: String(firstOffset), lastOffset: String(lastOffset) }
    const payload = { topic: 't', partition: 0, batchSize: 0, ...offsets }
    this.#events.emit('consumer.start_batch_process', { payload })
  }
}
