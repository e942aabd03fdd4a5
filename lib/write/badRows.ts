import { wordsOf } from '../cluster/failure.ts'
import { channels, type TableContext } from '../diagnostics.ts'
import { type RowError, WriteError } from '../errors.ts'
import type { ErrorLimit } from '../options/errorLimit.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { BadRow } from './badRow.ts'
import type { Tally } from './tally.ts'

/** Rows after which a share is meaningful. Fewer are judged when the stream ends. */
const MEANINGFUL_ROWS = 1_000

/** Sets bad rows aside, one after the other, up to a limit. */
export class BadRows {
  readonly #onBadRow: WriteSettings['on_bad_row']
  readonly #limit: ErrorLimit | undefined
  readonly #tally: Tally
  readonly #table: TableContext
  #turn: Promise<void> = Promise.resolve()
  #last: RowError | undefined

  constructor({ on_bad_row, max_errors, keyspace, table }: WriteSettings, tally: Tally) {
    this.#table = { keyspace, table }
    this.#onBadRow = on_bad_row
    this.#limit = max_errors
    this.#tally = tally
  }

  /**
   * Resolves when `on_bad_row` is done with the row.
   * @param isInFlight whether the row was counted as in flight, because only Cassandra refused it
   * @throws what the stream ends with: WriteError, or the row's own error when `on_bad_row` throws it
   */
  setAside(row: BadRow, isInFlight = false): Promise<void> {
    const turn = this.#turn.then(() => this.#setAside(row, isInFlight))
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** @throws WriteError when too many of all rows were bad */
  checkEnd(): void {
    this.#check(0)
  }

  async #setAside({ error, given }: BadRow, isInFlight: boolean): Promise<void> {
    try {
      await this.#onBadRow?.(error, given.unchanged as never)
    } catch (cause) {
      if (isInFlight) this.#tally.rowRefused()
      throw cause === error ? error : handlerFailed(error, cause)
    }
    this.#tally.rowSetAside(isInFlight)
    if (channels.badRow.hasSubscribers) {
      const { row_index, code, column, message } = error
      channels.badRow.publish({ ...this.#table, row_index, code, column, message })
    }
    this.#last = error
    this.#check(MEANINGFUL_ROWS)
  }

  #check(least: number): void {
    const { rows_accepted: rows, rows_set_aside: bad } = this.#tally.stats
    if (this.#limit === undefined || this.#last === undefined) return
    const { most, isPercent } = this.#limit
    if (isPercent ? rows < least || bad * 100 <= most * rows : bad <= most) return
    throw new WriteError(
      'ERR_CASSANDRA_MAX_ERRORS',
      `${bad} of ${rows} rows were refused, and \`max_errors\` is ${most}${isPercent ? '%' : ''}. The last one: ${this.#last.message}`,
      { cause: this.#last },
    )
  }
}

function handlerFailed({ row_index }: RowError, cause: unknown): WriteError {
  const text = `\`on_bad_row\` failed for row ${row_index}: ${wordsOf(cause)}`
  return new WriteError('ERR_CASSANDRA_ON_BAD_ROW', text, { cause })
}
