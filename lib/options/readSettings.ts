import { checkEach, type Defaulted, refuse, withDefaults } from './check.ts'
import { connectionEntries, readEntries } from './readEntries.ts'
import type { CassandraReadableOptions } from './readOptions.ts'
import { connectionSettings, type TableSettings } from './settings.ts'

/** Checked options of a source with their defaults; frozen. */
export interface ReadSettings
  extends TableSettings,
    Omit<Defaulted<typeof readEntries>, 'filter' | 'params'> {
  readonly params: readonly unknown[]
}

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function readSettingsOf(options: CassandraReadableOptions): ReadSettings {
  const given = checkEach(options, { ...connectionEntries, ...readEntries })
  const { filter, where = filter, params = [], ...rest } = withDefaults(given, readEntries)
  if (filter !== undefined && given.where !== undefined) {
    throw refuse('filter', 'Expected `filter` to be absent beside `where`, which says the same')
  }
  if (params.length > 0 && where === undefined) {
    throw refuse('params', 'Expected `where` to be given beside `params`')
  }
  const columns = rest.columns === undefined ? undefined : [...rest.columns]
  return Object.freeze({ ...connectionSettings(given), ...rest, where, params: [...params], columns })
}
