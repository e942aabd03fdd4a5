import { checkEach, type Defaulted, refuse, withDefaults } from './check.ts'
import { connectionEntries, readEntries } from './readEntries.ts'
import type { CassandraReadableOptions } from './readOptions.ts'
import { connectionSettings, type TableSettings } from './settings.ts'

/** What values are read as: plain JavaScript, what JSON keeps, or the driver's own classes. */
export type ValueForm = 'plain' | 'json' | 'driver'

/** Checked options of a source with their defaults; frozen. */
export interface ReadSettings
  extends TableSettings,
    Omit<Defaulted<typeof readEntries>, 'filter' | 'json' | 'params' | 'values'> {
  readonly params: readonly unknown[]
  readonly values: ValueForm
}

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function readSettingsOf(options: CassandraReadableOptions): ReadSettings {
  const given = checkEach(options, { ...connectionEntries, ...readEntries })
  const { filter, where = filter, params = [], json, ...rest } = withDefaults(given, readEntries)
  if (filter !== undefined && given.where !== undefined) {
    throw refuse('filter', 'Expected `filter` to be absent beside `where`, which says the same')
  }
  if (params.length > 0 && where === undefined) {
    throw refuse('params', 'Expected `where` to be given beside `params`')
  }
  if (json && rest.values === 'driver') {
    throw refuse(
      'json',
      "Expected `json` to be absent beside `values: 'driver'`, whose classes JSON does not keep",
    )
  }
  const values = json ? 'json' : rest.values
  const columns = rest.columns === undefined ? undefined : [...rest.columns]
  return Object.freeze({ ...connectionSettings(given), ...rest, where, params: [...params], columns, values })
}
