import { isSameSnapshot } from './sameSnapshot.ts'
import { snapshotOf } from './snapshot.ts'
import { sizeOfSnapshot } from './snapshotSize.ts'

/** A row as it was given. */
export class GivenRow {
  readonly #row: unknown
  /** A copy. Later changes by the caller have no effect on it. */
  readonly copy: unknown
  #bytes: number | undefined

  constructor(row: unknown) {
    this.#row = row
    this.copy = snapshotOf(row)
  }

  /** Roughly the bytes of memory that the copy holds. */
  get bytes(): number {
    this.#bytes ??= sizeOfSnapshot(this.copy)
    return this.#bytes
  }

  /** The caller's own object, or the copy if the object has changed since. */
  get unchanged(): unknown {
    try {
      // A copy differs from its original in some parts: a Vector becomes an Array. So two copies are compared.
      return isSameSnapshot(this.copy, snapshotOf(this.#row)) ? this.#row : this.copy
    } catch {
      return this.copy
    }
  }
}
