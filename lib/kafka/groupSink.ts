import { wordsOf } from '../cluster/failure.ts'
import { unlessAborted } from '../cluster/unlessAborted.ts'
import { CassandraStreamsError, KafkaError } from '../errors.ts'
import type { KafkaClient, TopicPartition } from '../options/kafkaClient.ts'
import type { KafkaSettings } from '../options/kafkaSettings.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { Dispatcher } from '../write/dispatcher.ts'
import { openTable } from '../write/openWriter.ts'
import { AssignedPartition } from './assignedPartition.ts'
import { CollectedBytes } from './collectedBytes.ts'
import { GroupCommits } from './groupCommits.ts'
import { KafkaTally } from './kafkaStats.ts'
import { MessageRows, operationColumnOf } from './messageRows.ts'
import type { SinkParts } from './partitionOpening.ts'
import { Turns } from './turns.ts'

/** Maximum number of partitions that are opened at the same time. */
const OPENINGS = 8

/** Smallest limit, in bytes, for the rows of all partitions. */
const LEAST_BYTES = 65_536

/** A member of a consumer group. Each of its partitions has its own epochs. All of them share one dispatcher. */
export class GroupSink {
  readonly tally = new KafkaTally()
  readonly #settings: KafkaSettings
  readonly #client: KafkaClient
  readonly #commits: GroupCommits
  readonly #partitions = new Map<string, AssignedPartition>()
  /** Revoked partitions whose checkpoints are not released yet. */
  readonly #leaving = new Map<string, Promise<void>>()
  readonly #closing = new AbortController()
  #dispatcher: Dispatcher | undefined
  #parts: SinkParts | undefined
  #isStopping = false
  #failure: Error | undefined
  #ended: Promise<void> | undefined
  #opened: Promise<void> = Promise.resolve()
  readonly #tell: { readonly done: () => void; readonly failed: (error: Error) => void }
  /** Resolves when the sink has stopped; rejects when it has failed. */
  readonly done: Promise<void>

  constructor(settings: KafkaSettings, client: KafkaClient) {
    this.#settings = settings
    this.#client = client
    this.#commits = new GroupCommits(client)
    let tell = { done: () => {}, failed: (_: Error) => {} }
    this.done = new Promise((resolve, reject) => {
      tell = { done: resolve, failed: reject }
    })
    this.#tell = tell
    const { signal } = settings
    if (signal?.aborted) this.#fail(signal.reason as Error)
    else {
      signal?.addEventListener('abort', this.#abort)
      this.#opened = this.#open().catch((error: Error) => this.#fail(error))
    }
  }

  /** Commits the rows so far, leaves the group, and closes all connections. Settles like `done`. */
  stop(): Promise<void> {
    this.#isStopping = true
    this.#end(async () => {
      await Promise.all([...this.#partitions.values()].map(partition => partition.finish()))
      await this.#commits.flush()
    })
    return this.done
  }

  readonly #abort = () => this.#fail(this.#settings.signal?.reason as Error)

  async #open(): Promise<void> {
    const { signal } = this.#closing
    const write = writeSettingsFor(this.#settings)
    const { dispatcher } = await openTable(write, signal)
    this.#dispatcher = dispatcher
    if (this.#ended !== undefined) return
    this.#parts = {
      settings: this.#settings,
      write,
      client: this.#client,
      dispatcher,
      rows: new MessageRows(this.#settings),
      bytes: new CollectedBytes(write.max_buffered_bytes),
      commits: this.#commits,
      tally: this.tally,
      openings: new Turns(OPENINGS),
      onFailure: error => this.#fail(error),
    }
    const joined = this.#client.join({
      assigned: partitions => this.#assigned(partitions),
      failed: error => this.#fail(error),
    })
    // A join may wait for other members of the group.
    await unlessAborted(joined, signal)
  }

  #assigned(partitions: readonly TopicPartition[]): void {
    const parts = this.#parts
    if (parts === undefined || this.#failure !== undefined) return
    const wanted = new Map(partitions.map(of => [`${of.topic}/${of.partition}`, of]))
    for (const [key, partition] of this.#partitions) {
      if (wanted.has(key)) continue
      this.#partitions.delete(key)
      this.#leave(key, partition.revoke())
    }
    if (this.#isStopping) return
    for (const [key, of] of wanted) {
      if (this.#partitions.has(key)) continue
      const after = this.#leaving.get(key) ?? Promise.resolve()
      this.#partitions.set(key, new AssignedPartition(of, parts, after))
    }
  }

  #leave(key: string, left: Promise<void>): void {
    this.#leaving.set(key, left)
    void left.then(() => {
      if (this.#leaving.get(key) === left) this.#leaving.delete(key)
    })
  }

  #fail(error: Error): void {
    // Closing interrupts requests. Their errors are not failures of the sink.
    if (this.#failure !== undefined || this.#closing.signal.aborted) return
    this.#failure = error instanceof CassandraStreamsError || this.#isAbort(error) ? error : unexpected(error)
    this.#closing.abort(this.#failure)
    for (const [key, partition] of this.#partitions) this.#leave(key, partition.revoke())
    this.#partitions.clear()
    this.#end(async () => {})
  }

  #isAbort(error: Error): boolean {
    return this.#settings.signal?.aborted === true && this.#settings.signal.reason === error
  }

  /** Ends the sink, once: runs `first`, releases everything, and then settles `done`. */
  #end(first: () => Promise<void>): void {
    this.#ended ??= this.#giveBack(first)
  }

  async #giveBack(first: () => Promise<void>): Promise<void> {
    await first()
    this.#closing.abort()
    this.#commits.close()
    await Promise.resolve()
      .then(() => this.#client.close())
      .catch(() => {})
    await this.#opened
    await Promise.all(this.#leaving.values())
    await this.#dispatcher?.close()
    this.#settings.signal?.removeEventListener('abort', this.#abort)
    if (this.#failure === undefined) this.#tell.done()
    else this.#tell.failed(this.#failure)
  }
}

/** Half of `max_buffered_bytes` is for rows that are being sent, and half for epochs that are collected. */
function writeSettingsFor(settings: KafkaSettings): WriteSettings {
  const { max_buffered_bytes } = settings
  return {
    ...settings,
    operation_column: operationColumnOf(settings),
    max_buffered_bytes: Math.max(LEAST_BYTES, Math.floor(max_buffered_bytes / 2)),
    on_bad_row: undefined,
    position: undefined,
  }
}

function unexpected(cause: unknown): KafkaError {
  const text = `The Kafka sink cannot continue: ${wordsOf(cause)}`
  return new KafkaError('ERR_CASSANDRA_KAFKA', text, { cause })
}
