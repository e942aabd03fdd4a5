import type { Client } from 'cassandra-driver'
import { BufferedBytes } from '../batch/bufferedBytes.ts'
import type { Connection } from '../cluster/connect.ts'
import { Window } from '../cluster/window.ts'
import type { WriteSettings } from '../options/settings.ts'
import type { ClusterClock } from './clusterClock.ts'
import { watchClock } from './coordinator.ts'
import type { Lane, Send } from './lane.ts'
import { Outbox } from './outbox.ts'
import { Pace } from './pace.ts'
import { Sender } from './sender.ts'
import type { Tally } from './tally.ts'

/** Bounds that all tables on a connection share. */
type DispatcherSettings = Pick<
  WriteSettings,
  'concurrency' | 'max_buffered_bytes' | 'max_rows_per_second' | 'max_clock_skew_ms' | 'request_timeout_ms'
>

/**
 * Flushes that may wait while the next is filled, so that there is something to send when several answers arrive at once.
 * Measured: two cut load time by a few percent. With more, rows live so long that the gain is lost.
 */
const WAITING_FLUSHES = 2

/** Sends the rows of any number of tables to one cluster, within one window of requests and one bound on bytes. */
export class Dispatcher {
  readonly client: Client
  readonly clock: ClusterClock
  readonly sender: Sender
  /** An eighth of the bytes fills the buffer while up to two flushes wait. Half of the bytes may be in flight. */
  readonly buffered: BufferedBytes
  readonly #connection: Connection
  readonly #outbox: Outbox
  readonly #tallies = new Set<Tally>()
  readonly #stopClock: () => void

  constructor(connection: Connection, clock: ClusterClock, settings: DispatcherSettings) {
    const { concurrency, max_buffered_bytes, max_rows_per_second } = settings
    const flushBytes = max_buffered_bytes / 8
    this.client = connection.client
    this.clock = clock
    this.buffered = new BufferedBytes(flushBytes)
    this.#connection = connection
    this.#outbox = new Outbox({
      window: new Window(concurrency),
      bytes: max_buffered_bytes / 2,
      waitingBytes: WAITING_FLUSHES * flushBytes,
      pace: max_rows_per_second === undefined ? undefined : new Pace(max_rows_per_second),
    })
    this.sender = new Sender(clock)
    this.#stopClock = watchClock(clock, connection.client, settings, () => {
      for (const tally of this.#tallies) tally.clockRead(clock.skew_ms)
    })
  }

  /** Reports the cluster's clock to a tally, now and after each reading. */
  join(tally: Tally): void {
    this.#tallies.add(tally)
    tally.clockRead(this.clock.skew_ms)
  }

  leave(tally: Tally): void {
    this.#tallies.delete(tally)
  }

  /** Opens the lane for one table's groups, which are cut from flushes of `rows` rows. */
  openLane(flushRows: number, send: Send, landed: () => void): Lane {
    // With flushes of one row, none may wait.
    return this.#outbox.open(flushRows === 1 ? 0 : WAITING_FLUSHES * flushRows, send, landed)
  }

  /** Releases the connection. Never throws. */
  async close(): Promise<void> {
    this.#stopClock()
    this.#outbox.close()
    await this.#connection.close()
  }
}
