import type { EpochState, Seal } from '../checkpoint/epoch.ts'

/** The epochs that an earlier run began. The first rows of a stream belong to them. */
export class Replays {
  readonly seals: readonly Seal[]
  #at = 0
  /** Rows of the epoch at `#at` so far. */
  #rows = 0

  constructor({ sealed, next }: EpochState) {
    this.seals = [sealed, next].filter(seal => seal !== undefined)
  }

  /** The seal of the epoch that the next row belongs to. Undefined if that is a new epoch. */
  ofNextRow(): Seal | undefined {
    while (this.#rows === this.seals[this.#at]?.rows) {
      this.#at++
      this.#rows = 0
    }
    this.#rows++
    return this.seals[this.#at]
  }
}
