import { setTimeout as delay } from 'node:timers/promises'
import { type Client, policies, types } from 'cassandra-driver'
import { wordsOf } from '../cluster/failure.ts'
import { type DriverError, type Fault, faultOf, mayBeSentAgain } from '../cluster/fault.ts'
import { Replicas } from '../cluster/replicas.ts'
import type { Ring } from '../cluster/ring.ts'
import { within } from '../cluster/within.ts'
import { RowError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { byteLengthOf, type EncodedRow, writeTimeOf } from '../row/encodedRow.ts'
import { type ExecuteRows, rowExecutor } from './boundRows.ts'
import type { OrderClock } from './clock.ts'
import { Delivery } from './delivery.ts'
import { permanent } from './failure.ts'
import type { LiveTable } from './liveTable.ts'
import { Queue } from './queue.ts'
import type { Counters } from './stats.ts'

/** Tries after which rows that a server failed to store are no longer sent together. */
const FAILURES_TOGETHER = 3

/** Texts that differ only in blanks, so that the driver prepares them anew. */
const FRESH_TEXTS = 64

/** What a sender tells its owner. */
export interface SenderListener {
  /** A row that the server refuses for good. */
  rowRefused(error: RowError): void
  /** A request was acknowledged after so many milliseconds. */
  answered(latency: number): void
  /** A server had too much to do, or did not answer in time, with a request sent at this `performance.now()`. */
  overloaded(sent: number): void
}

/** A table, and the way to it. */
export interface SenderTarget {
  readonly client: Client
  readonly ring: Ring<EncodedRow>
  readonly table: LiveTable
  readonly clock: OrderClock
}

/** Sends groups of rows until Cassandra acknowledges or refuses them. The driver's own retries are off. */
export class Sender {
  readonly #ring: Ring<EncodedRow>
  readonly #clock: OrderClock
  readonly #executeRows: ExecuteRows
  readonly #settings: WriteSettings
  readonly #counters: Counters
  readonly #signal: AbortSignal
  readonly #listener: SenderListener
  readonly #table: LiveTable
  readonly #replicas: Replicas
  readonly #retry = new policies.retry.FallthroughRetryPolicy()
  readonly #consistency: types.consistencies
  /** From when on rows have their time to live, by `performance.now()`. @default when they are sent */
  livesFrom: number | undefined
  #acknowledged = 0
  #freshTexts = 0
  #fresh: Promise<unknown> | undefined

  constructor(
    { client, ring, table, clock }: SenderTarget,
    settings: WriteSettings,
    counters: Counters,
    signal: AbortSignal,
    listener: SenderListener,
  ) {
    this.#ring = ring
    this.#clock = clock
    this.#executeRows = rowExecutor(client, signal, table)
    this.#table = table
    this.#settings = settings
    this.#counters = counters
    this.#signal = signal
    this.#listener = listener
    this.#replicas = new Replicas(client, settings)
    this.#consistency =
      types.consistencies[camelCase(settings.consistency) as keyof typeof types.consistencies]
  }

  /**
   * Resolves when every row is acknowledged or reported as refused.
   * @throws what no retry can mend, or WriteError `ERR_CASSANDRA_RETRY_TIMEOUT`.
   */
  send(rows: readonly EncodedRow[]): Promise<void> {
    return this.#clock.isAhead ? this.#writeTime(rows).then(() => this.#send(rows)) : this.#send(rows)
  }

  /** Nearly every request is acknowledged: here it costs one promise, where `await` at each step would make several. */
  #send(rows: readonly EncodedRow[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const acknowledged = this.#acknowledged
      const sent = performance.now()
      const delivery = new Delivery(rows, this.#settings, this.livesFrom, sent)
      this.#try(delivery, '', sent, error => {
        if (error === undefined) resolve()
        else this.#sendAgain(error, delivery, sent, acknowledged).then(resolve, reject)
      })
    })
  }

  /** @param acknowledged how many rows were acknowledged before the first try */
  async #sendAgain(first: unknown, delivery: Delivery, sent: number, acknowledged: number): Promise<void> {
    const waiting = new Queue<Delivery>()
    const add = async (error: unknown, tried: Delivery, at: number) => {
      for (const part of await this.#afterFault(error, tried, at, acknowledged)) waiting.push(part)
    }
    await add(first, delivery, sent)
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const now = performance.now()
      const error = await this.#execute(next, '', now)
      if (error !== undefined) await add(error, next, now)
    }
  }

  /**
   * What is to be sent after a try that failed.
   * @param acknowledged how many rows were acknowledged before the first try of these
   */
  async #afterFault(
    error: unknown,
    delivery: Delivery,
    sent: number,
    acknowledged: number,
  ): Promise<readonly Delivery[]> {
    // Nobody waits for these rows any more, and they are counted.
    this.#signal.throwIfAborted()
    delivery.tries++
    const diagnosis = await this.#diagnose(error, delivery)
    if (diagnosis === undefined) return []
    this.#signal.throwIfAborted()
    const { fault, reason } = diagnosis
    if (fault === 'slow') this.#listener.overloaded(sent)
    if (fault === 'failure') delivery.failures++
    if (this.#isNarrowed(fault, delivery, acknowledged)) return this.#narrow(delivery, reason)
    await delivery.wait(reason, this.#signal)
    delivery.repeat(reason)
    this.#counters.retries++
    return [delivery]
  }

  /** As {@link #try}: resolves with why the rows are not acknowledged, or with undefined when they are. */
  #execute(delivery: Delivery, blanks: string, sent: number): Promise<unknown> {
    return new Promise(resolve => this.#try(delivery, blanks, sent, resolve))
  }

  /**
   * Sends rows once.
   * @param sent now, by `performance.now()`
   * @param settled is called once: with why the rows are not acknowledged, or with undefined when they are
   * @throws the signal's reason; SchemaError when the rows have no place in the table any more
   */
  #try(delivery: Delivery, blanks: string, sent: number, settled: (error: unknown) => void): void {
    this.#signal.throwIfAborted()
    const rows = this.#table.bound(delivery.rows)
    const first = rows[0] as EncodedRow
    const limit_ms = delivery.limitAt(sent)
    delivery.rows = rows
    this.#counters.requests++
    const options = {
      prepare: true,
      consistency: this.#consistency,
      keyspace: this.#settings.keyspace,
      retry: this.#retry,
      // Retries and speculation by the driver would repeat a timestamp that must not be repeated.
      isIdempotent: false,
      // The driver takes a token as well, which its types do not say.
      routingKey: this.#ring.routingKeyOf(first) as Buffer,
      readTimeout: Math.ceil(limit_ms),
    }
    this.#executeRows(first.statement.text(rows.length) + blanks, rows, options, limit_ms, error => {
      if (error === undefined) this.#count(rows, sent)
      settled(error)
    })
  }

  /** Counts rows that are acknowledged. */
  #count(rows: readonly EncodedRow[], sent: number): void {
    this.#listener.answered(performance.now() - sent)
    if (this.#signal.aborted) return
    this.#acknowledged += rows.length
    this.#counters[(rows[0] as EncodedRow).statement.operation.counter] += rows.length
    this.#counters.rows_in_flight -= rows.length
    for (const row of rows) this.#counters.bytes_written += byteLengthOf(row)
  }

  /** Nothing stands in the table with a write time that has not come: it would hide what others write until then. */
  async #writeTime(rows: readonly EncodedRow[]): Promise<void> {
    if (this.#settings.timestamp_column !== undefined) return
    while (this.#clock.isAhead) {
      let latest = 0
      for (const row of rows) latest = Math.max(latest, writeTimeOf(row))
      const left = latest - this.#clock.now()
      if (left <= 0) return
      await delay(Math.ceil(left / 1000), undefined, { signal: this.#signal })
    }
  }

  /**
   * What to do after an error; undefined when the rows were stored by the way.
   * @throws what no retry can mend
   */
  async #diagnose(error: unknown, delivery: Delivery): Promise<Diagnosis | undefined> {
    const fault = faultOf(error)
    switch (fault) {
      case 'unavailable': {
        const unmet = await this.#replicas.unmet(error as DriverError, delivery.limit_ms)
        if (unmet !== undefined) throw unmet
        return { fault, reason: error }
      }
      case 'row':
      case 'schema': {
        // A fault that may come from a changed table is settled by reading the schema.
        const found = await within(delivery.limit_ms, this.#table.diagnose(fault)).catch(
          () => 'retry' as const,
        )
        if (typeof found !== 'string') throw found
        return fault === 'schema' ? this.#prepareAnew(delivery, error) : { fault: found, reason: error }
      }
      case 'retry':
      case 'slow':
      case 'failure':
      case 'split':
        return { fault, reason: error }
      default:
        throw permanent(fault, error)
    }
  }

  /**
   * The driver hides why a statement cannot be prepared again. A text that it has not seen is prepared in the open: one
   * request asks for all that meet the same.
   */
  async #prepareAnew(delivery: Delivery, error: unknown): Promise<Diagnosis | undefined> {
    if (this.#fresh !== undefined) {
      // What it finds out about its own rows says nothing of these.
      await within(delivery.limit_ms, this.#fresh).catch(() => {})
      return { fault: 'retry', reason: error }
    }
    const blanks = ' '.repeat(1 + (this.#freshTexts++ % FRESH_TEXTS))
    this.#counters.retries++
    this.#fresh = this.#execute(delivery, blanks, performance.now())
    const reason = await this.#fresh.finally(() => {
      this.#fresh = undefined
    })
    if (reason === undefined) return undefined
    const fault = faultOf(reason)
    if (mayBeSentAgain(fault)) return { fault, reason }
    if (fault === 'schema' || fault === 'unavailable') return { fault: 'retry', reason }
    throw permanent(fault, reason)
  }

  /** Whether the rows go on in smaller requests, so that the one to blame is found. */
  #isNarrowed(fault: Fault, delivery: Delivery, acknowledged: number): boolean {
    if (fault === 'split' || fault === 'row') return true
    if (fault !== 'failure' || delivery.failures < FAILURES_TOGETHER) return false
    // A row alone is to blame only when the server stores others meanwhile, and when it has had its time.
    return delivery.rows.length > 1 || (this.#acknowledged > acknowledged && delivery.isOld)
  }

  /** The halves of a refused group, down to the row that is the reason. */
  #narrow(delivery: Delivery, error: unknown): Delivery[] {
    const { rows } = delivery
    const [only] = rows
    if (rows.length === 1 && only !== undefined) {
      this.#refuse(only, error)
      return []
    }
    delivery.repeat(error)
    const parts: Delivery[] = []
    for (let from = 0; from < rows.length; ) {
      const most = Math.min(rows.length - from, Math.ceil(rows.length / 2))
      const to = from + (only?.statement.rowsFor(most) ?? 1)
      parts.push(delivery.part(from, to))
      from = to
    }
    return parts
  }

  #refuse({ index }: EncodedRow, error: unknown): void {
    this.#counters.rows_in_flight--
    this.#counters.rows_failed++
    const text = `Row ${index}: Cassandra refuses it: ${wordsOf(error)}`
    const refusal = new RowError('ERR_CASSANDRA_ROW_REFUSED', text, { row_index: index }, { cause: error })
    this.#listener.rowRefused(refusal)
  }
}

/** What a fault means, and the error that tells whether the rows may be stored already. */
interface Diagnosis {
  readonly fault: Fault
  readonly reason: unknown
}

/** LOCAL_QUORUM → localQuorum, as the driver names it. */
function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
