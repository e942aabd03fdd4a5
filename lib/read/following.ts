import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'cassandra-driver'
import { backoff } from '../cluster/backoff.ts'
import { wordsOf } from '../cluster/failure.ts'
import { faultOf } from '../cluster/fault.ts'
import { pauses } from '../cluster/pauses.ts'
import { within } from '../cluster/within.ts'
import { CassandraStreamsError, ReadError } from '../errors.ts'
import type { FollowSettings, ReadSettings } from '../options/readSettings.ts'
import { readOptions } from '../table/readOptions.ts'
import type { Span } from './place.ts'
import { mayPass } from './rangeReader.ts'

/**
 * Milliseconds until the next walk. If Cassandra works longer than the interval on a walk, the next one waits until it has been
 * idle for as long, so that walks take at most half of its time.
 * @param took_ms since the start of the walk, including the time in which the consumer held it up
 * @param busy_ms how long Cassandra worked on it
 */
export function pauseAfter(took_ms: number, busy_ms: number, interval_ms: number): number {
  return Math.max(0, (busy_ms > interval_ms ? 2 * busy_ms : interval_ms) - took_ms)
}

/** Decides which span of write times each walk through a table emits, and when it starts. There are no gaps between spans. */
export class Following {
  readonly #client: Client
  readonly #follow: FollowSettings
  readonly #settings: ReadSettings
  readonly #signal: AbortSignal
  /** Write time up to which everything has been emitted, in microseconds since 1970. */
  #upTo: bigint | undefined
  #began = 0

  constructor(client: Client, follow: FollowSettings, settings: ReadSettings, signal: AbortSignal) {
    this.#client = client
    this.#follow = follow
    this.#settings = settings
    this.#signal = signal
  }

  /** Continues a walk of an earlier run. */
  goOn(span: Span): Span {
    this.#upTo = span.to
    this.#began = performance.now()
    return span
  }

  /**
   * The span of the next walk, when it is time for it.
   * @param busy_ms how long Cassandra worked on the walk before
   * @param look reads the schema. It is called when the end of the span is known. Otherwise a column could be added between the two
   * calls, and its values in the span would never be emitted.
   */
  async next(busy_ms: number, look: () => Promise<void>): Promise<Span> {
    const { interval_ms, lag_ms } = this.#follow
    const took_ms = this.#began === 0 ? interval_ms : performance.now() - this.#began
    await this.#pause(pauseAfter(took_ms, busy_ms, interval_ms))
    for (;;) {
      this.#began = performance.now()
      const now_ms = await this.#answered(() => this.#now_ms())
      await this.#answered(look)
      const to = BigInt(now_ms - lag_ms) * 1000n
      const from = this.#upTo
      // A clock that was set back yields no span.
      if (from === undefined || to > from) {
        this.#upTo = to
        return { from, to }
      }
      await this.#pause(interval_ms)
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(Math.max(1, ms), undefined, { signal: this.#signal })
  }

  /**
   * Asks Cassandra, and asks again after a fault that may pass.
   * @throws ReadError if no node answers within `retry_timeout_ms`
   */
  #answered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    return pauses.during(() => this.#asked(ask))
  }

  async #asked<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const ends = pauses.now() + this.#settings.retry_timeout_ms
    for (let tries = 0; ; tries++) {
      try {
        return await ask()
      } catch (error) {
        this.#signal.throwIfAborted()
        if (error instanceof CassandraStreamsError) throw error
        const isFinal = !mayPass(faultOf(error))
        if (isFinal || pauses.now() >= ends) {
          const text = `Cassandra does not report its time and the table's schema, which \`follow\` needs: ${wordsOf(error)}`
          const code = isFinal ? 'ERR_CASSANDRA_READ' : 'ERR_CASSANDRA_READ_TIMEOUT'
          throw new ReadError(code, text, { cause: error })
        }
      }
      await this.#pause(backoff(tries))
    }
  }

  /** The earlier of two clocks: with the later one, some rows would never be emitted. */
  async #now_ms(): Promise<number> {
    const limit_ms = this.#settings.request_timeout_ms
    const cql = 'SELECT toUnixTimestamp(now()) AS now FROM system.local'
    const asked = this.#client.execute(cql, [], { ...readOptions(limit_ms), prepare: false })
    const { rows } = await within(limit_ms, asked)
    return Math.min(Number(rows[0]?.['now']), Date.now())
  }
}
