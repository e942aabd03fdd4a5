import type { Window } from '../cluster/window.ts'
import type { Pace } from './pace.ts'

/** What an outbox may hold. */
export interface OutboxBounds {
  /** How many requests may be in flight. It adapts to the answers that are reported to it. */
  readonly window: Pick<Window, 'limit' | 'answered' | 'overloaded'>
  /** Maximum number of bytes that have left and are not settled, including those that wait for a failing replica set. */
  readonly bytes: number
  /** Bytes that may wait for their turn before the source has to wait. */
  readonly waitingBytes: number
  /** Rows that may leave per second. */
  readonly pace?: Pace | undefined
}
