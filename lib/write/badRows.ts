import { wordsOf } from '../cluster/failure.ts'
import { channels, type TableContext } from '../diagnostics.ts'
import { type RowError, WriteError } from '../errors.ts'
import type { ErrorLimit } from '../options/errorLimit.ts'
import type { WriteSettings } from '../options/settings.ts'
import { ROW_COUNT } from '../row/rowRefusal.ts'
import type { BadRow } from './badRow.ts'
import type { FailureLatch } from './failureLatch.ts'
import type { Tally } from './tally.ts'

/** Rows from which a share is meaningful. With fewer, the share counts when the stream ends. */
const MEANINGFUL_ROWS = 1_000

/** Sets bad rows aside, one after the other, up to a limit. */
export class BadRows {
  readonly #onBadRow: WriteSettings['on_bad_row']
  readonly #limit: ErrorLimit | undefined
  readonly #tally: Tally
  readonly #failure: FailureLatch
  readonly #table: TableContext
  #turn: Promise<void> = Promise.resolve()
  #last: RowError | undefined
  #isOver = false

  /** The error with which the first row that could not be set aside ended the stream. */
  #end: unknown

  constructor(
    { on_bad_row, max_errors, keyspace, table }: WriteSettings,
    tally: Tally,
    failure: FailureLatch,
  ) {
    this.#table = { keyspace, table }
    this.#onBadRow = on_bad_row
    this.#limit = max_errors
    this.#tally = tally
    this.#failure = failure
  }

  /**
   * Resolves when `on_bad_row` is done with the row.
   * @param isInFlight whether the row was counted as in flight, because only Cassandra refused it
   * @param counted called at the moment when the row counts as set aside. It never does after the last count of a failed stream
   * @throws the error that the stream ends with: WriteError, or the row's own error if `on_bad_row` throws it. If the stream ends
   * during the call of `on_bad_row`, which may never end, its failure
   */
  setAside(row: BadRow, isInFlight: boolean, counted = () => {}): Promise<void> {
    // After the end nothing is called, so that no row waits for a handler that hangs.
    const before = this.#isOver ? Promise.resolve() : this.#turn
    const turn = before.then(() => this.#setAside(row, isInFlight, counted))
    this.#turn = turn.catch(() => {})
    return this.#failure.unlessEnded(turn)
  }

  /** From now on no row is set aside, not even one that waits for its turn. */
  end(): void {
    this.#isOver = true
  }

  /** Why the stream ends with an error after its last row: too many of all rows were bad. */
  tooMany(): WriteError | undefined {
    const { rows_accepted, rows_set_aside } = this.#tally.stats
    return this.#last && this.#excess(this.#last, rows_accepted, rows_set_aside, 0)
  }

  async #setAside({ error, given }: BadRow, isInFlight: boolean, counted: () => void): Promise<void> {
    try {
      await this.#tell(error, given, isInFlight)
    } catch (end) {
      this.#isOver = true
      this.#end ??= end
      if (isInFlight) this.#tally.rowRefused()
      throw end
    }
    if (this.#tally.isFinal) return
    this.#tally.rowSetAside(isInFlight)
    counted()
    if (!channels.badRow.hasSubscribers) return
    const { row_index, code, column, message } = error
    channels.badRow.publish({ ...this.#table, row_index, code, column, message })
  }

  async #tell(error: RowError, given: BadRow['given'], isInFlight: boolean): Promise<void> {
    if (this.#isOver) throw this.#end ?? error
    const { rows_accepted, rows_set_aside } = this.#tally.stats
    const rows = rows_accepted + (isInFlight ? 0 : 1)
    const excess = this.#excess(error, rows, rows_set_aside + 1, MEANINGFUL_ROWS)
    if (excess !== undefined) throw excess
    // Its stack trace holds the rows of a request. Only an error about too many bad rows needs it.
    if (this.#limit !== undefined) this.#last = error
    try {
      await this.#onBadRow?.(error, given.unchanged as never)
    } catch (cause) {
      throw cause === error ? error : handlerFailed(error, cause)
    }
  }

  #excess(last: RowError, rows: number, bad: number, least: number): WriteError | undefined {
    if (this.#limit === undefined) return undefined
    const { most, isPercent } = this.#limit
    if (isPercent ? rows < least || isShareOf(most, bad, rows) : bad <= most) return undefined
    return new WriteError(
      'ERR_CASSANDRA_MAX_ERRORS',
      `${bad} of ${rows} rows were refused, and \`max_errors\` is ${most}${isPercent ? '%' : ''}. The last one: ${last.message}`,
      { cause: last },
    )
  }
}

/** Whether at most `most` percent of the rows are bad. Exact for percentages of up to six decimals, which doubles are not. */
function isShareOf(percent: number, bad: number, rows: number): boolean {
  const millionths = BigInt(Math.round(percent * 1e6))
  return BigInt(bad) * 100_000_000n <= millionths * BigInt(rows)
}

function handlerFailed({ row_index }: RowError, cause: unknown): WriteError {
  const text = `\`on_bad_row\` failed for row ${row_index} ${ROW_COUNT}: ${wordsOf(cause)}`
  return new WriteError('ERR_CASSANDRA_ON_BAD_ROW', text, { cause })
}
