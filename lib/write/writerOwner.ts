import type { RowRange } from '../errors.ts'
import type { OnFailure } from './failureLatch.ts'
import type { Progress } from './progress.ts'

/** Receives the progress and the failure of a writer. */
export interface WriterOwner {
  readonly onFailure: OnFailure
  /** Told when rows are settled. */
  readonly progress?: Progress | undefined
  /** Overrides which rows are not known to be written. */
  readonly unacknowledged?: () => readonly RowRange[]
  /** Releases what only this writer used. Never throws. */
  readonly release: () => Promise<void>
}
