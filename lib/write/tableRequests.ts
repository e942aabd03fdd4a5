import { type Client, policies, type types } from 'cassandra-driver'
import { consistencyOf } from '../cluster/consistency.ts'
import { publicError, wordsOf } from '../cluster/failure.ts'
import { type Fault, faultOf, mayBeSentAgain } from '../cluster/fault.ts'
import { Replicas } from '../cluster/replicas.ts'
import type { Ring } from '../cluster/ring.ts'
import { within } from '../cluster/within.ts'
import { begin, channels, isTraced } from '../diagnostics.ts'
import { RowError } from '../errors.ts'
import type { WriteSettings } from '../options/settings.ts'
import { byteLengthOf, type EncodedRow } from '../row/encodedRow.ts'
import { type ExecuteRows, rowExecutor } from './boundRows.ts'
import { Delivery } from './delivery.ts'
import { permanent } from './failure.ts'
import type { LiveTable } from './liveTable.ts'
import type { Tally } from './tally.ts'

/** Texts that differ only in blanks, so that the driver prepares them anew. */
const FRESH_TEXTS = 64

/** A table, the way to it, and who hears of its rows. */
interface RequestedTable {
  readonly client: Client
  readonly ring: Ring<EncodedRow>
  readonly table: LiveTable
  readonly tally: Tally
  /** After it nothing is sent or counted. */
  readonly signal: AbortSignal
  /** A row that the server refuses for good. Resolves, once that is dealt with, with whether the row is set aside. */
  readonly rowRefused: (error: RowError, row: EncodedRow) => Promise<boolean>
}

/** What a fault means, and the error that tells whether the rows may be stored already. */
interface Diagnosis {
  readonly fault: Fault
  readonly reason: unknown
}

/** The requests of one table: how they are sent, once each, and what their faults mean. */
export class TableRequests {
  readonly signal: AbortSignal
  readonly tally: Tally
  /** From when on rows have their time to live, by `performance.now()`: the last first. @default when they are sent */
  #lives: readonly { readonly row_index: number; readonly moment: number }[] = []
  /** When the last request left that was acknowledged, by `performance.now()`. */
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
  #freshTexts = 0
  #fresh: Promise<unknown> | undefined

  constructor({ client, ring, table, tally, signal, rowRefused }: RequestedTable, settings: WriteSettings) {
    this.signal = signal
    this.tally = tally
    this.#ring = ring
    this.#table = table
    this.#rowRefused = rowRefused
    this.#settings = settings
    this.#executeRows = rowExecutor(client, signal, table)
    this.#replicas = new Replicas(client, settings)
    this.#consistency = consistencyOf(settings.consistency)
  }

  /** Whether rows have the write time of their arrival, rather than one of their own. */
  get keepsArrival(): boolean {
    return this.#settings.timestamp_column === undefined
  }

  /** Rows from this one on have their time to live from this moment on. Of those before only the last ones are on their way. */
  liveFrom(row_index: number, moment: number): void {
    this.#lives = [{ row_index, moment }, ...this.#lives.slice(0, 1)]
  }

  /**
   * @param rows of one epoch, where there are epochs
   * @param now by `performance.now()`
   */
  delivery(rows: readonly EncodedRow[], now: number): Delivery {
    const { index = 0 } = rows[0] ?? {}
    const life = this.#lives.find(({ row_index }) => index >= row_index)
    const delivery = new Delivery(rows, this.#settings, life?.moment, now)
    this.#unsettled.add(delivery)
    return delivery
  }

  /** Rows that have left and are not settled. */
  *unsettled(): Generator<EncodedRow, void, undefined> {
    for (const delivery of this.#unsettled) yield* delivery.unsettled()
  }

  /**
   * Sends rows once.
   * @param blanks behind the text of the statement
   * @param sent now, by `performance.now()`
   * @param settled is called once: with why the rows are not acknowledged, or with undefined when they are
   * @throws the signal's reason; SchemaError when the rows have no place in the table any more
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
      // The driver takes a token as well, which its types do not say.
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

  /** Rows are tried again after this error. */
  retries({ rows, tries }: Delivery, wait_ms: number, error: unknown): void {
    if (!channels.retry.hasSubscribers) return
    const { keyspace, table } = this.#settings
    channels.retry.publish({ keyspace, table, rows: rows.length, tries, wait_ms, reason: wordsOf(error) })
  }

  /** Tells of a request; returns what tells of its end. */
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
   * What to do after an error; undefined when the rows were stored by the way.
   * @throws what no retry can mend
   */
  async diagnose(error: unknown, delivery: Delivery): Promise<Diagnosis | undefined> {
    const fault = faultOf(error)
    switch (fault) {
      case 'unavailable': {
        const unmet = await this.#replicas.unmet(delivery.limit_ms)
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
   * Whether the rows still have their table; false as well when no node tells in time.
   * @throws SchemaError when they have not
   */
  async isTableKept({ limit_ms }: Delivery): Promise<boolean> {
    const found = await within(limit_ms, this.#table.diagnose('row')).catch(() => 'retry' as const)
    if (typeof found !== 'string') throw found
    return found === 'row'
  }

  /** The server refuses the row of this delivery, and it alone. Resolves when that is dealt with. */
  async refuse(delivery: Delivery, error: unknown): Promise<void> {
    const row = delivery.rows[0] as EncodedRow
    const { index } = row
    const text = `Row ${index}: Cassandra refuses it: ${wordsOf(error)}`
    const refusal = new RowError('ERR_CASSANDRA_ROW_REFUSED', text, { row_index: index }, { cause: error })
    if (await this.#rowRefused(refusal, row)) this.#settle(delivery)
  }

  #settle(delivery: Delivery): void {
    const whole = delivery.settle()
    if (whole !== undefined) this.#unsettled.delete(whole)
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
    this.tally.requestRepeated()
    this.#fresh = new Promise(resolve => this.try(delivery, blanks, performance.now(), resolve))
    const reason = await this.#fresh.finally(() => {
      this.#fresh = undefined
    })
    if (reason === undefined) return undefined
    const fault = faultOf(reason)
    if (mayBeSentAgain(fault)) return { fault, reason }
    if (fault === 'schema' || fault === 'unavailable') return { fault: 'retry', reason }
    throw permanent(fault, reason)
  }
}
