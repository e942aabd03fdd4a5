import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import {
  checkReplay,
  decide,
  type EpochState,
  isBehind,
  type Seal,
  type TimestampSpan,
} from '../checkpoint/epoch.ts'
import type { StoredTable } from '../table/schema.ts'
import type { ClusterClock } from '../write/clusterClock.ts'
import type { EpochRows } from './epochRows.ts'
import { refuseDropped, refuseLate } from './replayLimits.ts'

/** The epochs in a checkpoint, and their write times. */
export class SealedEpochs {
  readonly #checkpoint: Checkpoint
  readonly #schema: StoredTable
  readonly #clock: ClusterClock
  /** The last epoch that was sealed, or is being sealed. */
  #last: Pick<Seal, 'position' | 'rows_total'> | undefined

  constructor(checkpoint: Checkpoint, schema: StoredTable, clock: ClusterClock) {
    this.#checkpoint = checkpoint
    this.#schema = schema
    this.#clock = clock
    const { committed, sealed = committed, next = sealed } = checkpoint.state
    this.#last = next
  }

  get state(): EpochState {
    return this.#checkpoint.state
  }

  /** @throws CheckpointError for an epoch that is not the next one. */
  decide(epoch_id: number): 'new' | 'replay' | 'skip' {
    return decide(this.state, epoch_id)
  }

  /** @throws CheckpointError for a replay with other rows or after too long a time; SchemaError */
  check(epoch: EpochRows, replayed: Seal): void {
    checkReplay(replayed, epoch.count, epoch.blocks)
    refuseLate(replayed, this.#secondsSince(replayed), this.#schema)
    if (!this.#needsTimestamps(epoch)) refuseDropped(replayed, this.#schema, epoch.rows)
  }

  async seal(epoch_id: number, epoch: EpochRows): Promise<Seal> {
    const { blocks, block_rows, count: rows, table_ttl, set_aside } = epoch
    const seal = {
      epoch_id,
      rows,
      blocks,
      block_rows,
      sealed_at_ms: this.#now_ms,
      position: epoch.position ?? this.#last?.position ?? null,
      rows_total: (this.#last?.rows_total ?? 0) + rows,
      ...(table_ttl !== undefined && { table_ttl }),
      ...(set_aside.length > 0 && { set_aside }),
      ...this.#reserve(epoch),
    }
    this.#last = seal
    await this.#checkpoint.seal(seal)
    return seal
  }

  /** Prepares a replay. Also reduces the time to live of its rows by the time since the first seal. */
  async sealAgain(epoch: EpochRows, replayed: Seal): Promise<Seal> {
    epoch.age(this.#secondsSince(replayed))
    if (!this.#needsTimestamps(epoch)) return replayed
    const span = this.#reserve(epoch)
    await this.#checkpoint.reseal(span)
    return { ...replayed, ...span }
  }

  commit(): Promise<void> {
    return this.#checkpoint.commit()
  }

  /** Releases the checkpoint. Never throws. */
  close(): Promise<void> {
    return this.#checkpoint.close().catch(() => {})
  }

  /** Milliseconds since an epoch was first sealed. */
  age_ms({ sealed_at_ms }: Seal): number {
    return this.#now_ms - sealed_at_ms
  }

  /** Milliseconds since 1970 by the cluster's clock. This machine's clock may be changed, and the next run may be elsewhere. */
  get #now_ms(): number {
    return Math.floor(this.#clock.now() / 1000)
  }

  /** Rounded up, so rows may expire a little earlier than in the first attempt, but never later. */
  #secondsSince(seal: Seal): number {
    return Math.max(0, Math.ceil(this.age_ms(seal) / 1000))
  }

  /**
   * Whether a replay needs new timestamps. It does if rows append to lists: the attempt before may have used all of its
   * timestamps, and a late request may still arrive with them. It also does if the epoch before was sealed again with later
   * timestamps.
   */
  #needsTimestamps({ appends }: EpochRows): boolean {
    return appends || isBehind(this.state)
  }

  #reserve({ timestamps, beganAt }: EpochRows): TimestampSpan {
    const count = Math.max(1, timestamps)
    // Write times end at the current one. Rows with lists take so many that they would begin before the first row came.
    if (beganAt !== undefined) this.#clock.advance(beganAt)
    const first = this.#clock.next(count)
    return { timestamp: String(first), last_timestamp: String(first + count - 1) }
  }
}
