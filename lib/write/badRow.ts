import { RowError } from '../errors.ts'
import { isError } from '../realm.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
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

/**
 * The error of a row that cannot be stored, or undefined.
 * @throws an error that is not about the row
 */
export function refusalIn(row: object): RowError | undefined {
  const error = row instanceof BadRow ? row.error : row
  if (error instanceof RowError) return error
  if (isError(error)) throw error
  return undefined
}

/** The number of a row in the order of arrival. Undefined for an error that is not about the row. */
export function indexOf(row: EncodedRow | BadRow | Error): number | undefined {
  if (row instanceof BadRow) return row.error.row_index
  if (row instanceof RowError) return row.row_index
  return isError(row) ? undefined : row.index
}
