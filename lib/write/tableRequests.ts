import { type Client, policies, type types } from 'cassandra-driver'
import { consistencyOf } from '../cluster/consistency.ts'
import { publicError, wordsOf } from '../cluster/failure.ts'
import { type Fault, faultOf, mayBeSentAgain } from '../cluster/fault.ts'
import { pauses } from '../cluster/pauses.ts'
import { Replicas } from '../cluster/replicas.ts'
import type { Ring } from '../cluster/ring.ts'
import { within } from '../cluster/within.ts'
import { begin, channels, isTraced } from '../diagnostics.ts'
import { RowError, WriteError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { byteLengthOf, type EncodedRow } from '../row/encodedRow.ts'
import { rowLabel } from '../row/rowRefusal.ts'
import { type ExecuteRows, rowExecutor } from './boundRows.ts'
import { Delivery } from './delivery.ts'
import { permanent } from './failure.ts'
import type { LiveTable } from './liveTable.ts'
import type { Tally } from './tally.ts'

/** Texts that differ only in trailing blanks, so that the driver prepares them again. */
const FRESH_TEXTS = 64

/** A table, its connection, and its callbacks. */
interface RequestedTable {
  readonly client: Client
  readonly ring: Ring<EncodedRow>
  readonly table: LiveTable
  readonly tally: Tally
  /** After this signal nothing is sent or counted. */
  readonly signal: AbortSignal
  /** Handles a row that the server refuses for good. Resolves with whether the row is set aside. */
  readonly rowRefused: (error: RowError, row: EncodedRow) => Promise<boolean>
}

/** A fault, and the error that shows whether the rows may be stored already. */
interface Diagnosis {
  readonly fault: Fault
  readonly reason: unknown
}

/** The requests of one table: how each is sent once, and what its faults mean. */
export class TableRequests {
  readonly signal: AbortSignal
  readonly tally: Tally
  /** Start of the time to live by row, on the clock of `performance.now()`, latest first. @default when rows are sent */
  #lives: readonly { readonly row_index: number; readonly moment: number }[] = []
  /** When the latest acknowledged request left, on the clock of `performance.now()`. */
  lastStored = Number.NEGATIVE_INFINITY
  readonly #ring: Ring<EncodedRow>
  readonly #table: LiveTable
  readonly #rowRefused: RequestedTable['rowRefused']
  readonly #settings: WriteSettings
  readonly #executeRows: ExecuteRows
  readonly #replicas: Replicas
  readonly #retry = new policies.retry.FallthroughRetryPolicy()
  readonly #consistency: types.consistencies
  readonly #unsettled = new Set<Delivery>()
  /** Rows that have left the queue and wait for their write time. */
  readonly #held = new Set<readonly EncodedRow[]>()
  #freshTexts = 0
  #fresh: Promise<unknown> | undefined

  constructor({ client, ring, table, tally, signal, rowRefused }: RequestedTable, settings: WriteSettings) {
    this.signal = signal
    signal.addEventListener('abort', () => pauses.forget(this))
    this.tally = tally
    this.#ring = ring
    this.#table = table
    this.#rowRefused = rowRefused
    this.#settings = settings
    this.#executeRows = rowExecutor(client, signal, table)
    this.#replicas = new Replicas(client, settings)
    this.#consistency = consistencyOf(settings.consistency)
  }

  /** Whether rows have the write time of their arrival, and not one of their own. */
  get keepsArrival(): boolean {
    return this.#settings.timestamp_column === undefined
  }

  /** Sets the start of the time to live for this row and later ones. Of earlier rows only the last are still in flight. */
  liveFrom(row_index: number, moment: number): void {
    this.#lives = [{ row_index, moment }, ...this.#lives.slice(0, 1)]
  }

  /**
   * @param rows of one epoch, if there are epochs
   * @param now by `performance.now()`
   */
  delivery(rows: readonly EncodedRow[], now: number): Delivery {
    const { index = 0 } = rows[0] ?? {}
    // Also during the waits between tries.
    if (this.#unsettled.size === 0 && !this.signal.aborted) pauses.watch(this)
    const life = this.#lives.find(({ row_index }) => index >= row_index)
    const delivery = new Delivery(rows, this.#settings, life?.moment, now)
    this.#unsettled.add(delivery)
    this.#held.delete(rows)
    return delivery
  }

  /** Keeps rows among the unsettled ones until they become a delivery. */
  hold(rows: readonly EncodedRow[]): void {
    this.#held.add(rows)
  }

  /** Rows that have left and are not settled. */
  *unsettled(): Generator<EncodedRow, void, undefined> {
    for (const rows of this.#held) yield* rows
    for (const delivery of this.#unsettled) yield* delivery.unsettled()
  }

  /**
   * Sends rows once.
   * @param blanks after the text of the statement
   * @param sent now, by `performance.now()`
   * @param settled called once: with the reason why the rows are not acknowledged, or with undefined if they are
   * @throws the signal's reason; SchemaError when the table no longer takes the rows
   */
  try(delivery: Delivery, blanks: string, sent: number, settled: (error: unknown) => void): void {
    this.signal.throwIfAborted()
    const rows = this.#table.bound(delivery.rows)
    const first = rows[0] as EncodedRow
    const limit_ms = delivery.limitAt(sent)
    delivery.rows = rows
    this.tally.requestSent()
    const options = {
      prepare: true,
      consistency: this.#consistency,
      keyspace: this.#settings.keyspace,
      retry: this.#retry,
      // Retries and speculation by the driver would repeat a timestamp that must not be repeated.
      isIdempotent: false,
      // The driver takes a token too, which its types lack.
      routingKey: this.#ring.routingKeyOf(first) as Buffer,
      readTimeout: Math.ceil(limit_ms),
    }
    const told = isTraced(channels.request) ? this.#tell(rows, delivery.tries) : undefined
    this.#executeRows(first.statement.text(rows.length) + blanks, rows, options, limit_ms, error => {
      if (error === undefined) {
        this.lastStored = Math.max(this.lastStored, sent)
        this.tally.rowsAcknowledged(rows)
        this.#settle(delivery)
      }
      told?.(error === undefined ? undefined : publicError(error))
      settled(error)
    })
  }

  /** Reports that rows are sent again after this error. */
  retries({ rows, tries }: Delivery, wait_ms: number, error: unknown): void {
    if (!channels.retry.hasSubscribers) return
    const { keyspace, table } = this.#settings
    channels.retry.publish({ keyspace, table, rows: rows.length, tries, wait_ms, reason: wordsOf(error) })
  }

  /** Publishes the start of a request. Returns a function that publishes its end. */
  #tell(rows: readonly EncodedRow[], retries: number): (error: unknown) => void {
    const { keyspace, table, consistency } = this.#settings
    const bytes = rows.reduce((sum, row) => sum + byteLengthOf(row), 0)
    const operation = rows[0]?.statement.operation.name ?? ''
    return begin(channels.request, {
      keyspace,
      table,
      operation,
      rows: rows.length,
      bytes,
      consistency,
      retries,
    })
  }

  /**
   * The fault after an error. Undefined if handling it has stored the rows.
   * @throws the error of a fault that no retry can fix
   */
  async diagnose(error: unknown, delivery: Delivery): Promise<Diagnosis | undefined> {
    const fault = this.#faultOf(error)
    switch (fault) {
      case 'unavailable': {
        const unmet = await this.#replicas.unmet(delivery.limit_ms)
        if (unmet !== undefined) throw new WriteError('ERR_CASSANDRA_CONSISTENCY', unmet)
        return { fault, reason: error }
      }
      case 'row':
      case 'schema': {
        // Only reading the schema tells whether the fault comes from a changed table.
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
   * Whether the table is unchanged for these rows. False also if no node answers in time.
   * @throws SchemaError when the table has changed
   */
  async isTableKept({ limit_ms }: Delivery): Promise<boolean> {
    const found = await within(limit_ms, this.#table.diagnose('row')).catch(() => 'retry' as const)
    if (typeof found !== 'string') throw found
    return found === 'row'
  }

  /** The server refuses the only row of this delivery. Resolves when that is handled. */
  async refuse(delivery: Delivery, error: unknown): Promise<void> {
    const row = delivery.rows[0] as EncodedRow
    const { index } = row
    const text = `${rowLabel(index)}: Cassandra refuses it: ${wordsOf(error)}`
    const refusal = new RowError('ERR_CASSANDRA_ROW_REFUSED', text, { row_index: index }, { cause: error })
    if (await this.#rowRefused(refusal, row)) this.#settle(delivery)
  }

  /** A row is to blame for a write time that it names, but not for that of its arrival. */
  #faultOf(error: unknown): Fault {
    const fault = faultOf(error)
    return fault === 'time' && !this.keepsArrival ? 'row' : fault
  }

  #settle(delivery: Delivery): void {
    const whole = delivery.settle()
    if (whole !== undefined) this.#unsettled.delete(whole)
    if (this.#unsettled.size === 0) pauses.forget(this)
  }

  /**
   * The driver hides why a statement cannot be prepared again, but reports the reason for a text that it has not seen before. So
   * one request is sent with such a text, on behalf of all that meet the same error.
   */
  async #prepareAnew(delivery: Delivery, error: unknown): Promise<Diagnosis | undefined> {
    if (this.#fresh !== undefined) {
      // The outcome of that request does not matter for these rows.
      await within(delivery.limit_ms, this.#fresh).catch(() => {})
      return { fault: 'retry', reason: error }
    }
    const blanks = ' '.repeat(1 + (this.#freshTexts++ % FRESH_TEXTS))
    this.tally.requestRepeated()
    this.#fresh = new Promise(resolve => this.try(delivery, blanks, performance.now(), resolve))
    const reason = await this.#fresh.finally(() => {
      this.#fresh = undefined
    })
    if (reason === undefined) return undefined
    const fault = this.#faultOf(reason)
    if (mayBeSentAgain(fault)) return { fault, reason }
    if (fault === 'schema' || fault === 'unavailable') return { fault: 'retry', reason }
    throw permanent(fault, reason)
  }
}
