import { setTimeout as delay } from 'node:timers/promises'
import { type Client, policies, types } from 'cassandra-driver'
import type { Ring } from '../batch/ring.ts'
import { bytesOf, type EncodedRow, restamp } from '../encode/encodedRow.ts'
import { LIST_TIMESTAMPS } from '../encode/using.ts'
import { ConnectionError, RowError, type SchemaError, WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { backoff } from './backoff.ts'
import { type DriverError, type Fault, faultOf } from './fault.ts'
import type { LiveTable } from './liveTable.ts'
import { type ExecuteRows, rowExecutor } from './requests.ts'
import type { Counters } from './stats.ts'

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
}

/** Sends groups of rows until Cassandra acknowledges or refuses them. The driver's own retries are off. */
export class Sender {
  readonly #ring: Ring
  readonly #executeRows: ExecuteRows
  readonly #table: LiveTable
  readonly #settings: WriteSettings
  readonly #counters: Counters
  readonly #signal: AbortSignal
  readonly #listener: SenderListener
  readonly #retryPolicy = new policies.retry.FallthroughRetryPolicy()
  readonly #consistency: types.consistencies

  constructor(
    { client, ring, table }: Destination,
    settings: WriteSettings,
    counters: Counters,
    signal: AbortSignal,
    listener: SenderListener,
  ) {
    this.#ring = ring
    this.#executeRows = rowExecutor(client, () => table.suspect())
    this.#table = table
    this.#settings = settings
    this.#counters = counters
    this.#signal = signal
    this.#listener = listener
    const name = settings.consistency
    this.#consistency = types.consistencies[camelCase(name) as keyof typeof types.consistencies]
  }

  /**
   * Resolves when every row is acknowledged or reported as refused.
   * @throws what no retry can mend, or WriteError `ERR_CASSANDRA_RETRY_TIMEOUT`.
   */
  async send(rows: readonly EncodedRow[]): Promise<void> {
    await this.#sendUntil(performance.now() + this.#settings.retry_timeout_ms, rows, 0)
  }

  async #sendUntil(deadline: number, given: readonly EncodedRow[], retries: number): Promise<void> {
    let rows = given
    for (let retry = retries; ; retry++) {
      rows = this.#table.bound(rows)
      const sent = performance.now()
      try {
        await this.#execute(rows)
        return
      } catch (error) {
        const fault = await this.#diagnose(error)
        if (fault === 'split' || fault === 'row') return this.#narrow(deadline, rows, retry, error)
        if (fault === 'slow') this.#listener.overloaded(sent)
        else if (fault !== 'retry') throw this.#permanent(fault, error)
        await this.#waitFor(retry, deadline, rows, error)
      }
    }
  }

  async #execute(rows: readonly EncodedRow[]): Promise<void> {
    const first = rows[0] as EncodedRow
    const { statement } = first
    this.#counters.requests++
    const sent = performance.now()
    await this.#executeRows(statement.text(rows.length), rows, {
      prepare: true,
      consistency: this.#consistency,
      keyspace: this.#settings.keyspace,
      // The driver takes a token as well, which its types do not say.
      routingKey: this.#ring.routingKeyOf(first) as Buffer,
      readTimeout: this.#settings.request_timeout_ms,
      retry: this.#retryPolicy,
      // Retries and speculation by the driver would repeat a timestamp that must not be repeated.
      isIdempotent: false,
    })
    this.#listener.answered(performance.now() - sent)
    if (this.#signal.aborted) return
    const counted = statement.operation === 'delete' ? 'rows_deleted' : 'rows_written'
    this.#counters[counted] += rows.length
    this.#counters.rows_in_flight -= rows.length
    for (const row of rows) this.#counters.bytes_written += bytesOf(row)
  }

  async #diagnose(error: unknown): Promise<Fault | SchemaError> {
    const fault = faultOf(error)
    if (fault !== 'schema' && fault !== 'row') return fault
    return this.#table.diagnose(fault)
  }

  /** Sends the halves of a refused group, down to the row that is the reason. */
  async #narrow(
    deadline: number,
    rows: readonly EncodedRow[],
    retries: number,
    error: unknown,
  ): Promise<void> {
    const [only] = rows
    if (rows.length === 1 && only !== undefined) {
      this.#counters.rows_in_flight--
      this.#counters.rows_failed++
      const { message } = error as DriverError
      const text = `Row ${only.index}: Cassandra refuses it: ${message}`
      this.#listener.rowRefused(
        new RowError('ERR_CASSANDRA_ROW_REFUSED', text, { row_index: only.index }, { cause: error }),
      )
      return
    }
    let from = 0
    while (from < rows.length) {
      const most = Math.min(rows.length - from, Math.ceil(rows.length / 2))
      const count = only?.statement.rowsFor(most) ?? 1
      await this.#sendUntil(deadline, rows.slice(from, from + count), retries)
      from += count
    }
  }

  async #waitFor(
    retry: number,
    deadline: number,
    rows: readonly EncodedRow[],
    error: unknown,
  ): Promise<void> {
    const wait = backoff(retry)
    const lists = rows.filter(row => row.appends)
    const isLast = lists.length > 0 && retry + 1 >= LIST_TIMESTAMPS
    if (isLast || performance.now() + wait >= deadline) throw this.#retriesOver(retry, error)
    await delay(wait, undefined, { signal: this.#signal })
    this.#counters.retries++
    for (const row of lists) restamp(row)
  }

  #retriesOver(retries: number, error: unknown): WriteError {
    const { message } = error as DriverError
    const after = `${retries + 1} tries within \`retry_timeout_ms\` (${this.#settings.retry_timeout_ms} ms)`
    return new WriteError('ERR_CASSANDRA_RETRY_TIMEOUT', `Rows not written after ${after}: ${message}`, {
      cause: error,
    })
  }

  #permanent(fault: Fault | SchemaError, error: unknown): Error {
    if (typeof fault !== 'string') return fault
    const { message } = error as DriverError
    if (fault === 'credentials') return new ConnectionError('ERR_CASSANDRA_AUTH', message, [])
    const code = fault === 'unauthorized' ? 'ERR_CASSANDRA_UNAUTHORIZED' : 'ERR_CASSANDRA_WRITE'
    return new WriteError(code, `Rows cannot be written: ${message}`, { cause: error })
  }
}

/** LOCAL_QUORUM → localQuorum, as the driver names it. */
function camelCase(name: string): string {
  return name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}
