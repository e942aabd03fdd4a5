import { isSameSnapshot } from './sameSnapshot.ts'
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
      // A copy is not its original in every part: a Vector is an Array there. Another copy is.
      return isSameSnapshot(this.copy, snapshotOf(this.#row)) ? this.#row : this.copy
    } catch {
      return this.copy
    }
  }
}
