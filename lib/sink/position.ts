import type { WriteSettings } from '../options/settings.ts'
import { positionOf } from '../row/position.ts'
import type { Intake, QueuedRow, RowWriter } from './intake.ts'

/** Queues a row, and remembers its place in the source for whoever asks how far the sink has come. */
export function queuedWithPosition(
  row: unknown,
  intake: Intake<RowWriter>,
  settings: WriteSettings,
): QueuedRow {
  const queued = intake.queue(row)
  if (settings.position === undefined || !intake.progress.isListening) return queued
  try {
    intake.progress.passed(intake.lastIndex, positionOf(row, settings))
    return queued
  } catch (error) {
    return error as Error
  }
}
