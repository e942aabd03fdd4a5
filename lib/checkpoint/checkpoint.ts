import type { EpochState, Seal, TimestampSpan } from './epoch.ts'

/** The durable memory of one sink. Calls are done in the order they are made. After a failure only `close()` works. */
export interface Checkpoint {
  readonly state: EpochState
  /** Lets its owner come back after `close()` unless another one has had it since; undefined where a lock tells that. */
  readonly token: string | undefined
  /** Durable when it returns: from then on the epoch's rows may be written. Two epochs in a row may be sealed. */
  seal(seal: Seal): Promise<void>
  /** Durable when it returns: the first of them goes on with these later timestamps. */
  reseal(span: TimestampSpan): Promise<void>
  /** Durable when it returns: the first of them is done, and the source may forget it. */
  commit(): Promise<void>
  /** Gives back what it holds: a lock, or a connection. */
  close(): Promise<void>
}
