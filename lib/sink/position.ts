import type { WriteSettings } from '../options/settings.ts'
import { positionOf } from '../row/position.ts'
import type { Intake, QueuedRow, RowWriter } from './intake.ts'

/** Queues a row, and keeps its position in the source for the progress of the sink. */
export function queuedWithPosition(
  row: unknown,
  intake: Intake<RowWriter>,
  settings: WriteSettings,
): QueuedRow {
  const queued = intake.queue(row)
  if (settings.position === undefined) return queued
  try {
    intake.progress.passed(intake.lastIndex, positionOf(row, settings))
    return queued
  } catch (error) {
    return error as Error
  }
}
