import type { Fault } from '../cluster/fault.ts'

/** The right to have one request in flight to a replica set. */
export interface Permit {
  /** When the latest acknowledged request of the replica set left, on the clock of `performance.now()`. */
  readonly lastStored: number
  /**
   * The replica set acknowledged a request after this many milliseconds.
   * @param sent when it left, by `performance.now()`
   */
  succeeded(latency: number, sent: number): void
  /**
   * A request failed with a transient fault.
   * @param sent when it was sent, by `performance.now()`
   */
  failed(fault: Fault, sent: number): void
  /** The server may fail because of the rows. Others must be sent to find out. */
  suspect(): void
  /**
   * Gives the permit back for this many milliseconds, so that other requests can use it, and resolves once it is held
   * again, to the milliseconds in which it waited for permits that others kept for `on_bad_row`.
   * @param isPatient whether to wait the whole time, even if the replica set answers earlier
   * @throws the signal's reason
   */
  pause(wait_ms: number, isPatient: boolean, signal: AbortSignal): Promise<number>
  /** Settles like `handled`. Until then the replica set owes no answer, although the permit is held. */
  aside(handled: Promise<void>): Promise<void>
}
