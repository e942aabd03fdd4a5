import { setTimeout as delay } from 'node:timers/promises'
import { backoff } from '../cluster/backoff.ts'
import { CassandraStreamsError } from '../errors.ts'
import type { TopicPartition } from '../options/kafkaClient.ts'
import { openPartition, type SinkParts } from './partitionOpening.ts'
import type { PartitionWriter } from './partitionWriter.ts'
import { checkLog } from './position.ts'

/** Codes that say that another process has the checkpoint. */
const LOST: readonly string[] = ['ERR_CASSANDRA_CHECKPOINT_LOCKED', 'ERR_CASSANDRA_FENCED']

/** Milliseconds after which a partition that was taken over may be taken back, at least. */
const LEAST_WAIT_MS = 500

/** One partition from its assignment until it is revoked. */
export class AssignedPartition {
  readonly #of: TopicPartition
  readonly #parts: SinkParts
  readonly #revoked = new AbortController()
  readonly #finishing = new AbortController()
  readonly #ended: Promise<void>
  /** While it is written. */
  #writer: PartitionWriter | undefined

  /** @param after resolves when this process has let go of the partition, if it had it before */
  constructor(of: TopicPartition, parts: SinkParts, after: Promise<void>) {
    this.#of = of
    this.#parts = parts
    this.#ended = after.then(() => this.#live())
  }

  /** From here on nothing of it is written. Resolves when its checkpoint is given back. */
  revoke(): Promise<void> {
    this.#revoked.abort()
    void this.#writer?.close()
    this.#parts.commits.forget(this.#of)
    return this.#ended
  }

  /** Resolves when what came is committed and the checkpoint given back. */
  finish(): Promise<void> {
    this.#finishing.abort()
    return this.#ended
  }

  /** Another process may take the checkpoint by mistake, as one that was asleep. It is taken back while the group says so. */
  async #live(): Promise<void> {
    const { signal } = this.#revoked
    for (let tries = 0; !signal.aborted && !this.#finishing.signal.aborted; tries++) {
      try {
        return await this.#own()
      } catch (error) {
        if (signal.aborted) return
        const isLost = error instanceof CassandraStreamsError && LOST.includes(error.code)
        if (!isLost) return this.#parts.onFailure(error as Error)
        this.#parts.tally.fenced++
        const waiting = AbortSignal.any([signal, this.#finishing.signal])
        await delay(LEAST_WAIT_MS + backoff(tries), undefined, { signal: waiting }).catch(() => {})
      }
    }
  }

  /** Writes the partition until it is revoked or finished. */
  async #own(): Promise<void> {
    const failed: { error?: Error } = {}
    const failing = new AbortController()
    const onFailure = (error: Error) => {
      failed.error ??= error
      failing.abort()
    }
    const revoked = this.#revoked.signal
    const signal = AbortSignal.any([revoked, failing.signal])
    const { openings } = this.#parts
    const writer = await openings
      .run(async () => {
        signal.throwIfAborted()
        return await openPartition(this.#of, this.#parts, signal, onFailure)
      })
      .catch(error => {
        throw failed.error ?? error
      })
    this.#writer = writer
    try {
      const finishing = this.#finishing.signal
      await this.#read(writer, AbortSignal.any([signal, finishing]))
      if (finishing.aborted && !signal.aborted) await writer.finish()
      if (failed.error !== undefined) throw failed.error
    } finally {
      this.#writer = undefined
      await writer.close()
    }
  }

  /** Resolves after the signal. */
  async #read(writer: PartitionWriter, signal: AbortSignal): Promise<void> {
    const { client, tally } = this.#parts
    if (signal.aborted) return
    try {
      await client.read(
        { ...this.#of, offset: BigInt(writer.next.offset) },
        records => {
          tally.messages += records.length
          return writer.add(records)
        },
        signal,
      )
    } catch (error) {
      if (signal.aborted) return
      // A better reason than that a client was refused.
      checkLog(writer.next, await client.log(this.#of, signal), this.#of)
      throw error
    }
  }
}
