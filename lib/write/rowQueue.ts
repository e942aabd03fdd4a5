import { RowBuffer } from '../batch/buffer.ts'
import { type Group, groupRows, type ReplicaSetOf } from '../batch/group.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Lane } from './lane.ts'
import { rowsPerFlush } from './pace.ts'
import type { Permit } from './permit.ts'

/** Callbacks of a queue. */
interface RowQueueOwner {
  readonly replicaSetOf: ReplicaSetOf
  /** Sends a group. Resolves when it is settled, with or without success. */
  readonly send: (group: Group, permit: Permit) => Promise<void>
  readonly flushed: () => void
  /** A group is settled. */
  readonly landed: () => void
  readonly failed: (error: Error) => void
}

type QueueSettings = Pick<
  WriteSettings,
  'rows_per_batch' | 'max_rows_per_second' | 'flush_interval_ms' | 'batch_by'
>

/** Somebody who waits for the rows up to `last`, and the number of them that are not settled. */
interface Waiter {
  readonly last: number
  rows: number
  readonly resolve: () => void
}

/** Rows of one table until they leave: buffered, then flushed into groups by number or by time. */
export class RowQueue {
  readonly #dispatcher: Dispatcher
  readonly #settings: QueueSettings
  readonly #owner: RowQueueOwner
  readonly #buffer: RowBuffer
  readonly #lane: Lane
  #timer: NodeJS.Timeout | undefined
  /** Number of rows that are not settled, and the last row. */
  #rows = 0
  #last = -1
  readonly #waiters: Waiter[] = []
  #isClosed = false

  constructor(dispatcher: Dispatcher, settings: QueueSettings, owner: RowQueueOwner) {
    const rows = rowsPerFlush(settings.rows_per_batch, settings.max_rows_per_second)
    this.#dispatcher = dispatcher
    this.#settings = settings
    this.#owner = owner
    this.#buffer = new RowBuffer(rows, dispatcher.buffered, () => this.#flush())
    const send = async (group: Group, permit: Permit) => {
      await owner.send(group, permit)
      this.#settle(group)
    }
    const landed = () => {
      owner.landed()
      this.#wake()
    }
    this.#lane = dispatcher.openLane(rows, send, landed)
  }

  /** Whether all rows are settled. */
  get isIdle(): boolean {
    return this.#lane.isIdle && this.#buffer.rows.length === 0
  }

  /** Rows that have not left yet. */
  *rows(): Generator<EncodedRow, void, undefined> {
    yield* this.#lane.rows()
    yield* this.#buffer.rows
  }

  /**
   * Adds a row. Returns a promise only when the next one must wait.
   * @param isUrgent whether somebody waits for this row
   */
  push(row: EncodedRow, isUrgent: boolean): undefined | Promise<void> {
    const { buffered } = this.#dispatcher
    this.#rows++
    this.#last = row.index
    this.#buffer.push(row)
    if (this.#buffer.isFull || isUrgent) this.#flush()
    else if (buffered.isFull) buffered.flush()
    else {
      this.#timer ??= setTimeout(() => this.#flushOnTime(), this.#settings.flush_interval_ms)
      return undefined
    }
    return this.#lane.room()
  }

  /** Sends what is in the buffer. */
  flush(): void {
    if (this.#buffer.rows.length > 0) this.#flush()
  }

  /** As {@link Lane.answered}. */
  answered(): undefined | Promise<void> {
    return this.#lane.answered()
  }

  /** Sends the buffer. Resolves when all rows so far are settled, or the queue is closed. */
  async settled(): Promise<void> {
    if (this.#isClosed) return
    this.flush()
    if (this.#rows === 0) return
    await new Promise<void>(resolve => this.#waiters.push({ last: this.#last, rows: this.#rows, resolve }))
  }

  /** Drops rows that have not left. */
  close(): void {
    clearTimeout(this.#timer)
    this.#isClosed = true
    this.#wake()
    this.#buffer.drain()
    this.#lane.close()
  }

  /** Stops waiting for groups that have left. */
  abandon(): void {
    this.#lane.abandon()
  }

  /** A group never mixes rows from before and after a row that somebody waits for, because the buffer was sent between them. */
  #settle({ rows }: Group): void {
    this.#rows -= rows.length
    const { index = 0 } = rows[0] ?? {}
    for (const waiter of this.#waiters) if (index <= waiter.last) waiter.rows -= rows.length
  }

  #wake(): void {
    // The first waiter waits for the fewest rows.
    while (this.#waiters[0] !== undefined && (this.#isClosed || this.#waiters[0].rows === 0)) {
      this.#waiters.shift()?.resolve()
    }
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#owner.flushed()
    try {
      this.#lane.push(groupRows(this.#buffer.drain(), this.#settings.batch_by, this.#owner.replicaSetOf))
    } catch (error) {
      // Nothing here should throw. A flush by time has no caller that could catch it.
      this.#owner.failed(error as Error)
    }
  }

  /** A flush by time never queues behind another: the rows wait in the buffer, which is bounded. */
  #flushOnTime(): void {
    if (this.#lane.isWaiting)
      this.#timer = setTimeout(() => this.#flushOnTime(), this.#settings.flush_interval_ms)
    else this.#flush()
  }
}
