import type { Fault } from '../cluster/fault.ts'

/** The right to have one request in flight to a replica set. */
export interface Permit {
  /** When the last request left that the replica set has acknowledged, by `performance.now()`. */
  readonly lastStored: number
  /**
   * The replica set acknowledged a request after this many milliseconds.
   * @param sent when it left, by `performance.now()`
   */
  succeeded(latency: number, sent: number): void
  /**
   * A request failed with a fault that may pass.
   * @param sent when it was sent, by `performance.now()`
   */
  failed(fault: Fault, sent: number): void
  /**
   * Gives the permit back for this many milliseconds, so that other requests can use it, and resolves once it is held
   * again.
   * @param isPatient whether to wait for all of that time, also when the replica set answers earlier
   * @throws the signal's reason
   */
  pause(wait_ms: number, isPatient: boolean, signal: AbortSignal): Promise<void>
}
