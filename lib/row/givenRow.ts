import { isDeepStrictEqual } from 'node:util'
import { snapshotOf } from './snapshot.ts'

/** A row as it was given. */
export class GivenRow {
  readonly #row: unknown
  /** What the caller does to the row later has no effect on it. */
  readonly copy: unknown

  constructor(row: unknown) {
    this.#row = row
    this.copy = snapshotOf(row)
  }

  /** The caller's own object, or the copy if the object has changed since. */
  get unchanged(): unknown {
    try {
      return isDeepStrictEqual(this.#row, this.copy) ? this.#row : this.copy
    } catch {
      return this.copy
    }
  }
}
