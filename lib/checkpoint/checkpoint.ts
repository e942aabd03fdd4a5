import type { EpochState, Seal, TimestampSpan } from './epoch.ts'

/**
 * The durable state of one sink or source. Calls take effect in the order in which they are made. What a call records is durable
 * when its promise resolves. After a failure only `close()` works.
 */
export interface Checkpoint {
  readonly state: EpochState
  /**
   * Names the last change. Lets the owner open the checkpoint again after `close()`, unless somebody opened or removed it in
   * between. Read it when the last call has settled, because each call may change it.
   */
  readonly token: string
  /** Records an epoch, whose rows may be written afterwards. At most two consecutive epochs are sealed and not committed. */
  seal(seal: Seal): Promise<void>
  /** Gives the first sealed epoch these later timestamps. */
  reseal(span: TimestampSpan): Promise<void>
  /** Records that all rows of the first sealed epoch are acknowledged. The source need not keep them any longer. */
  commit(): Promise<void>
  /** Releases the lock or the connection. */
  close(): Promise<void>
}
