import type { RowError } from '../errors.ts'
import type { GivenRow } from '../row/givenRow.ts'

/** A row that cannot be stored, on its way to `on_bad_row`. */
export class BadRow {
  readonly error: RowError
  readonly given: GivenRow

  constructor(error: RowError, given: GivenRow) {
    this.error = error
    this.given = given
  }
}
