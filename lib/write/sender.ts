import { setTimeout as delay } from 'node:timers/promises'
import { type Client, policies, type QueryOptions, types } from 'cassandra-driver'
import type { Ring } from '../batch/ring.ts'
import { wordsOf } from '../connect/failure.ts'
import { bytesOf, type EncodedRow, writeTimeOf } from '../encode/encodedRow.ts'
import { ConnectionError, RowError, WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { OrderClock } from './clock.ts'
import { Delivery } from './delivery.ts'
import { type DriverError, type Fault, faultOf } from './fault.ts'
import type { LiveTable } from './liveTable.ts'
import { Queue } from './queue.ts'
import { Replicas } from './replicas.ts'
import { type ExecuteRows, rowExecutor } from './requests.ts'
import type { Counters } from './stats.ts'
import { within } from './within.ts'

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
export interface Destination {
  readonly client: Client
  readonly ring: Ring
  readonly table: LiveTable
  readonly clock: OrderClock
}

/** Sends groups of rows until Cassandra acknowledges or refuses them. The driver's own retries are off. */
export class Sender {
  readonly #ring: Ring
  readonly #clock: OrderClock
  readonly #executeRows: ExecuteRows
  readonly #settings: WriteSettings
  readonly #counters: Counters
  readonly #signal: AbortSignal
  readonly #listener: SenderListener
  readonly #table: LiveTable
  readonly #replicas: Replicas
  readonly #options: QueryOptions
  /** Rows acknowledged so far. */
  #acknowledged = 0
  #freshTexts = 0
  #fresh: Promise<Fault | undefined> | undefined

  constructor(
    { client, ring, table, clock }: Destination,
    settings: WriteSettings,
    counters: Counters,
    signal: AbortSignal,
    listener: SenderListener,
  ) {
    this.#ring = ring
    this.#clock = clock
    this.#executeRows = rowExecutor(client, () => table.suspect())
    this.#table = table
    this.#settings = settings
    this.#counters = counters
    this.#signal = signal
    this.#listener = listener
    this.#replicas = new Replicas(client, settings)
    this.#options = {
      prepare: true,
      consistency: types.consistencies[camelCase(settings.consistency) as keyof typeof types.consistencies],
      keyspace: settings.keyspace,
      retry: new policies.retry.FallthroughRetryPolicy(),
      // Retries and speculation by the driver would repeat a timestamp that must not be repeated.
      isIdempotent: false,
    }
  }

  /**
   * Resolves when every row is acknowledged or reported as refused.
   * @throws what no retry can mend, or WriteError `ERR_CASSANDRA_RETRY_TIMEOUT`.
   */
  async send(rows: readonly EncodedRow[]): Promise<void> {
    await this.#writeTime(rows)
    const acknowledged = this.#acknowledged
    const waiting = new Queue<Delivery>()
    waiting.push(new Delivery(rows, this.#settings))
    for (let delivery = waiting.shift(); delivery !== undefined; delivery = waiting.shift()) {
      for (const part of await this.#try(delivery, acknowledged)) waiting.push(part)
    }
  }

  /**
   * Sends rows once, and returns what is to be sent after that.
   * @param acknowledged how many rows were acknowledged before the first try of these
   */
  async #try(delivery: Delivery, acknowledged: number): Promise<readonly Delivery[]> {
    this.#signal.throwIfAborted()
    delivery.rows = this.#table.bound(delivery.rows)
    const sent = performance.now()
    try {
      await this.#execute(delivery, '')
      return []
    } catch (error) {
      // Nobody waits for these rows any more, and they are counted.
      this.#signal.throwIfAborted()
      delivery.tries++
      const fault = await this.#diagnose(error, delivery)
      if (fault === undefined) return []
      this.#signal.throwIfAborted()
      if (fault === 'slow') this.#listener.overloaded(sent)
      if (fault === 'failure') delivery.failures++
      if (this.#isNarrowed(fault, delivery, acknowledged)) return this.#narrow(delivery, error)
      await delivery.wait(error, this.#signal)
      delivery.repeat(error)
      this.#counters.retries++
      return [delivery]
    }
  }

  async #execute({ rows, limit_ms }: Delivery, blanks: string): Promise<void> {
    const first = rows[0] as EncodedRow
    const { statement } = first
    this.#counters.requests++
    const sent = performance.now()
    const answer = this.#executeRows(statement.text(rows.length) + blanks, rows, {
      ...this.#options,
      // The driver takes a token as well, which its types do not say.
      routingKey: this.#ring.routingKeyOf(first) as Buffer,
      readTimeout: Math.ceil(limit_ms),
    })
    await within(limit_ms, answer)
    this.#listener.answered(performance.now() - sent)
    if (this.#signal.aborted) return
    this.#acknowledged += rows.length
    const counted = statement.operation === 'delete' ? 'rows_deleted' : 'rows_written'
    this.#counters[counted] += rows.length
    this.#counters.rows_in_flight -= rows.length
    for (const row of rows) this.#counters.bytes_written += bytesOf(row)
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
  async #diagnose(error: unknown, delivery: Delivery): Promise<Fault | undefined> {
    const fault = faultOf(error)
    switch (fault) {
      case 'unavailable': {
        const unmet = await this.#replicas.unmet(error as DriverError, delivery.limit_ms)
        if (unmet !== undefined) throw unmet
        return fault
      }
      case 'row':
      case 'schema': {
        // A fault that may come from a changed table is settled by reading the schema.
        const found = await within(delivery.limit_ms, this.#table.diagnose(fault)).catch(
          () => 'retry' as const,
        )
        if (typeof found !== 'string') throw found
        return fault === 'schema' ? this.#prepareAnew(delivery) : found
      }
      case 'retry':
      case 'slow':
      case 'failure':
      case 'split':
        return fault
      default:
        throw permanent(fault, error)
    }
  }

  /**
   * The driver hides why a statement cannot be prepared again. A text that it has not seen is prepared in the open: one
   * request asks for all that meet the same.
   */
  async #prepareAnew(delivery: Delivery): Promise<Fault | undefined> {
    if (this.#fresh !== undefined) return (await this.#fresh) ?? 'retry'
    const blanks = ' '.repeat(1 + (this.#freshTexts++ % FRESH_TEXTS))
    let reason: unknown
    this.#counters.retries++
    this.#fresh = this.#execute(delivery, blanks)
      .then(() => undefined)
      .catch((error: unknown) => {
        reason = error
        return faultOf(error)
      })
      .finally(() => {
        this.#fresh = undefined
      })
    const fault = await this.#fresh
    if (fault === undefined || passing.has(fault)) return fault
    if (fault === 'schema' || fault === 'unavailable') return 'retry'
    throw permanent(fault, reason)
  }

  /** Whether the rows go on in smaller requests, so that the one to blame is found. */
  #isNarrowed(fault: Fault, { rows, failures }: Delivery, acknowledged: number): boolean {
    if (fault === 'split' || fault === 'row') return true
    if (fault !== 'failure' || failures < FAILURES_TOGETHER) return false
    // A row alone is to blame only when the server stores others meanwhile.
    return rows.length > 1 || this.#acknowledged > acknowledged
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

const passing: ReadonlySet<Fault> = new Set(['retry', 'slow', 'failure', 'split', 'row'])

function permanent(fault: Fault, error: unknown): Error {
  const words = wordsOf(error)
  switch (fault) {
    case 'credentials':
      return new ConnectionError('ERR_CASSANDRA_AUTH', words, [])
    case 'unauthorized':
      return new WriteError('ERR_CASSANDRA_UNAUTHORIZED', `Rows cannot be written: ${words}`, {
        cause: error,
      })
    case 'consistency':
      return new WriteError(
        'ERR_CASSANDRA_CONSISTENCY',
        `The table cannot be written at this \`consistency\`: ${words}`,
        { cause: error },
      )
    case 'closed':
      return new WriteError('ERR_CASSANDRA_WRITE', 'The `client` was shut down before all rows were written')
    default:
      return new WriteError('ERR_CASSANDRA_WRITE', `Rows cannot be written: ${words}`, { cause: error })
  }
}

/** LOCAL_QUORUM → localQuorum, as the driver names it. */
function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
