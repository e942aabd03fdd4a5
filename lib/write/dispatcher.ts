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

/** Bounds that all tables on a connection keep together. */
type DispatcherSettings = Pick<
  WriteSettings,
  'concurrency' | 'max_buffered_bytes' | 'max_rows_per_second' | 'max_clock_skew_ms' | 'request_timeout_ms'
>

/**
 * Flushes that may wait while the next is filled, so that there is something to send when answers come several at a
 * time. Measured: two take a few hundredths off a load, and rows of more live so long that they cost what is won.
 */
const WAITING_FLUSHES = 2

/** Sends the rows of any number of tables to one cluster, within one window of requests and one bound on bytes. */
export class Dispatcher {
  readonly client: Client
  readonly clock: ClusterClock
  readonly sender: Sender
  /** An eighth of the bytes fills while up to two and what came last may wait, and half is in flight. */
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

  /** Tells a tally of the cluster's clock, now and later. */
  join(tally: Tally): void {
    this.#tallies.add(tally)
    tally.clockRead(this.clock.skew_ms)
  }

  leave(tally: Tally): void {
    this.#tallies.delete(tally)
  }

  /** The way of one table's groups, which are cut from flushes of so many rows. */
  openLane(flushRows: number, send: Send, landed: () => void): Lane {
    // Who asks for rows one by one asks for none to wait.
    return this.#outbox.open(flushRows === 1 ? 0 : WAITING_FLUSHES * flushRows, send, landed)
  }

  /** Gives the connection back. Never throws. */
  async close(): Promise<void> {
    this.#stopClock()
    this.#outbox.close()
    await this.#connection.close()
  }
}
