import { CheckpointError } from '../errors.ts'
import { placeText } from '../options/checkpointPlace.ts'
import type { EpochSettings } from '../options/settings.ts'
import type { ClusterClock } from '../write/clusterClock.ts'

/**
 * Refuses a checkpoint whose write times would take too long to pass.
 * @param highWater microseconds since 1970
 * @throws CheckpointError `ERR_CASSANDRA_CHECKPOINT_AHEAD` when that takes longer than `max_clock_skew_ms`
 */
export function refuseAhead(
  clock: ClusterClock,
  highWater: bigint,
  { checkpoint_location, max_clock_skew_ms }: EpochSettings,
): void {
  const mark = Number(highWater)
  const location = placeText(checkpoint_location)
  const ahead_ms = Math.ceil((mark - clock.now()) / 1000)
  if (ahead_ms <= max_clock_skew_ms) return
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_AHEAD',
    `Checkpoint ${location} holds write times up to ${timeOf(mark)}, and the cluster's clock says ` +
      `${timeOf(clock.now())}, ${ahead_ms} ms earlier. Rows written now would lose to rows in the table. ` +
      'Correct the clocks, or wait. Or raise `max_clock_skew_ms`, so that the sink waits longer than ' +
      `${max_clock_skew_ms} ms when it opens`,
    { location },
  )
}

/**
 * Waits until the clock has passed every write time that the checkpoint may have used. Later rows then win, and no write time
 * has to lie ahead of the clock.
 */
export async function passHighWater(
  clock: ClusterClock,
  highWater: bigint,
  signal: AbortSignal,
): Promise<void> {
  const mark = Number(highWater)
  await clock.passed(mark, signal)
  clock.advance(mark)
}

/** ISO 8601, or the number of microseconds if it is beyond the range of Date. */
function timeOf(microseconds: number): string {
  const time = new Date(microseconds / 1000)
  return Number.isNaN(time.getTime()) ? `${microseconds} µs since 1970` : time.toISOString()
}
