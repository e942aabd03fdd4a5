import { setTimeout as delay } from 'node:timers/promises'
import { backoff } from '../cluster/backoff.ts'
import { unlessAborted } from '../cluster/unlessAborted.ts'
import { CassandraStreamsError } from '../errors.ts'
import type { TopicPartition } from '../options/kafkaClient.ts'
import { openPartition, type SinkParts } from './partitionOpening.ts'
import type { PartitionWriter } from './partitionWriter.ts'
import { checkLog } from './position.ts'

/** Codes of errors that mean that another process has the checkpoint. */
const LOST: readonly string[] = ['ERR_CASSANDRA_CHECKPOINT_LOCKED', 'ERR_CASSANDRA_FENCED']

/** Minimum number of milliseconds before a checkpoint is taken back from another process. */
const LEAST_WAIT_MS = 500

/** One partition, from its assignment to its revocation. */
export class AssignedPartition {
  readonly #of: TopicPartition
  readonly #parts: SinkParts
  readonly #revoked = new AbortController()
  readonly #finishing = new AbortController()
  readonly #ended: Promise<void>
  /** Present while the partition is written. */
  #writer: PartitionWriter | undefined

  /** @param after resolves when this process has released the partition, if it had it before */
  constructor(of: TopicPartition, parts: SinkParts, after: Promise<void>) {
    this.#of = of
    this.#parts = parts
    this.#ended = after.then(() => this.#live())
  }

  /** Stops writing the partition at once. Resolves when its checkpoint is released. */
  revoke(): Promise<void> {
    this.#revoked.abort()
    void this.#writer?.close()
    this.#parts.commits.forget(this.#of)
    return this.#ended
  }

  /** Stops reading. Resolves when the rows so far are committed and the checkpoint is released. */
  finish(): Promise<void> {
    this.#finishing.abort()
    return this.#ended
  }

  /**
   * Writes the partition as long as it is assigned. Another process may take over the checkpoint by mistake, for example one that
   * was paused during a rebalance. The checkpoint is then taken back.
   */
  async #live(): Promise<void> {
    const { signal } = this.#revoked
    for (let tries = 0; !signal.aborted && !this.#finishing.signal.aborted; tries++) {
      try {
        return await this.#own()
      } catch (error) {
        const finishing = this.#finishing.signal
        if (signal.aborted || (finishing.aborted && error === finishing.reason)) return
        const isLost = error instanceof CassandraStreamsError && LOST.includes(error.code)
        if (!isLost) return this.#parts.onFailure(error as Error)
        this.#parts.tally.fenced++
        const waiting = AbortSignal.any([signal, this.#finishing.signal])
        await delay(LEAST_WAIT_MS + backoff(tries), undefined, { signal: waiting }).catch(() => {})
      }
    }
  }

  /** Opens the checkpoint, and writes the partition until it is revoked or finished. */
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
        this.#finishing.signal.throwIfAborted()
        return await openPartition(this.#of, this.#parts, signal, this.#finishing.signal, onFailure)
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

  /** Reads messages until the signal is aborted. */
  async #read(writer: PartitionWriter, signal: AbortSignal): Promise<void> {
    const { client, tally } = this.#parts
    if (signal.aborted) return
    try {
      await client.read(
        { ...this.#of, offset: BigInt(writer.next.offset) },
        (records, next) => {
          tally.messages += records.length
          return writer.add(records, next)
        },
        signal,
      )
    } catch (error) {
      const log = signal.aborted
        ? undefined
        : await unlessAborted(client.log(this.#of, signal), signal).catch(() => undefined)
      if (signal.aborted) return
      // If messages are missing from the log, that is a clearer reason than the client's error.
      if (log !== undefined) checkLog(writer.next, log, this.#of)
      throw error
    }
  }
}
