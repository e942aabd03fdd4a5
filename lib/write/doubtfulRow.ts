import type { RowError } from '../errors.ts'
import type { GivenRow } from '../row/givenRow.ts'

/**
 * A row with a name that the table did not have when its schema was read: a column or a field may have been added since.
 * It is kept as it was given until its turn comes, when the schema is read again.
 */
export class DoubtfulRow {
  /** When it was given, by `performance.now()`. */
  readonly since = performance.now()
  readonly given: GivenRow
  /** Number in the order of arrival, counted from 0. */
  readonly index: number
  /** The refusal if nothing was added. */
  readonly error: RowError
  /** Seconds to live of rows that name none. */
  readonly ttl: number | undefined
  /** Its place in the order of rows, unless its write time is its own or its epoch's. */
  arrival: number | undefined

  constructor(given: GivenRow, index: number, error: RowError, ttl: number | undefined) {
    this.given = given
    this.index = index
    this.error = error
    this.ttl = ttl
  }
}
