import type { EpochState, Seal } from '../checkpoint/epoch.ts'

/** The epochs that an earlier run began, and which rows of a stream belong to them: the first ones. */
export class Replays {
  readonly seals: readonly Seal[]
  #at = 0
  /** Rows that came of the epoch at this place. */
  #rows = 0

  constructor({ sealed, next }: EpochState) {
    this.seals = [sealed, next].filter(seal => seal !== undefined)
  }

  /** The epoch that the next row belongs to, unless it is a new one. */
  ofNextRow(): Seal | undefined {
    while (this.#rows === this.seals[this.#at]?.rows) {
      this.#at++
      this.#rows = 0
    }
    this.#rows++
    return this.seals[this.#at]
  }
}
