import type { WriteSettings } from '../options/settings.ts'
import type { Counters } from './stats.ts'
import { openTarget } from './target.ts'
import { type OnFailure, Writer } from './writer.ts'

/**
 * Connects and reads the schema; nothing is written yet.
 * @throws ConnectionError, SchemaError, OptionError, WriteError
 */
export async function openWriter(
  settings: WriteSettings,
  counters: Counters,
  onFailure: OnFailure,
  signal: AbortSignal,
): Promise<Writer> {
  return new Writer(await openTarget(settings, signal), settings, counters, onFailure)
}
