import { checkEach, withDefaults } from './check.ts'
import { connectionEntries, countEntries, sharedCountEntries } from './readEntries.ts'
import type { CassandraCountOptions, CassandraReadableOptions } from './readOptions.ts'
import { type ReadSettings, readSettingsOf } from './readSettings.ts'

/** Checked options of a count with their defaults; frozen. */
export interface CountSettings extends ReadSettings {
  readonly largest: number
}

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function countSettingsOf(options: CassandraCountOptions): CountSettings {
  const given = checkEach(options, { ...connectionEntries, ...sharedCountEntries, ...countEntries })
  const ofSource = Object.entries(options).filter(([name]) => !Object.hasOwn(countEntries, name))
  const settings = readSettingsOf(Object.fromEntries(ofSource) as CassandraReadableOptions)
  return Object.freeze({ ...settings, ...withDefaults(given, countEntries) })
}
