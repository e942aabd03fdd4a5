import { RowBuffer } from '../batch/buffer.ts'
import { type Group, groupRows, type ReplicaSetOf } from '../batch/group.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { EncodedRow } from '../row/encodedRow.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Lane } from './lane.ts'
import { rowsPerFlush } from './pace.ts'
import type { Permit } from './permit.ts'

/** What a queue tells and asks. */
interface RowQueueOwner {
  readonly replicaSetOf: ReplicaSetOf
  /** Sends a group; resolves, whatever becomes of it, when nothing is left to do for it. */
  readonly send: (group: Group, permit: Permit) => Promise<void>
  readonly flushed: () => void
  /** Nothing is left to do for a group. */
  readonly landed: () => void
  readonly failed: (error: Error) => void
}

type QueueSettings = Pick<
  WriteSettings,
  'rows_per_batch' | 'max_rows_per_second' | 'flush_interval_ms' | 'batch_by'
>

/** Rows that are not settled, of those up to the last one that somebody waits for. */
interface Waiter {
  readonly last: number
  rows: number
  readonly resolve: () => void
}

/** Rows of one table until they leave: buffered, and flushed into groups when there are enough of them, or by time. */
export class RowQueue {
  readonly #dispatcher: Dispatcher
  readonly #settings: QueueSettings
  readonly #owner: RowQueueOwner
  readonly #buffer: RowBuffer
  readonly #lane: Lane
  #timer: NodeJS.Timeout | undefined
  /** Rows that are not settled, and the last of them. */
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

  /** Whether nothing is left to do for all rows that came. */
  get isIdle(): boolean {
    return this.#lane.isIdle && this.#buffer.rows.length === 0
  }

  /** Rows that have not left. */
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

  /** Resolves when what has left is settled. What comes meanwhile counts as well. */
  idle(): undefined | Promise<void> {
    return this.#lane.idle()
  }

  /** Sends what is in the buffer; resolves when nothing is left to do for the rows that came so far, or the queue is closed. */
  async settled(): Promise<void> {
    if (this.#isClosed) return
    this.flush()
    if (this.#rows === 0) return
    await new Promise<void>(resolve => this.#waiters.push({ last: this.#last, rows: this.#rows, resolve }))
  }

  /** Drops what has not left. */
  close(): void {
    clearTimeout(this.#timer)
    this.#isClosed = true
    this.#wake()
    this.#buffer.drain()
    this.#lane.close()
  }

  /** Nobody waits any longer for what has left. */
  abandon(): void {
    this.#lane.abandon()
  }

  /** A group holds no rows from behind a row that somebody waits for: the buffer was sent then. */
  #settle({ rows }: Group): void {
    this.#rows -= rows.length
    const { index = 0 } = rows[0] ?? {}
    for (const waiter of this.#waiters) if (index <= waiter.last) waiter.rows -= rows.length
  }

  #wake(): void {
    // Who came first waits for the fewest rows.
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
      // Nothing here should throw, but a flush by time has nobody above it to catch what does.
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
