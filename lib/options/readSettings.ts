import { checkEach, type Defaulted, refuse, withDefaults } from './check.ts'
import { connectionEntries, readEntries } from './readEntries.ts'
import type { CassandraReadableOptions } from './readOptions.ts'
import { connectionSettings, type TableSettings } from './settings.ts'
import { eachOnce } from './together.ts'

/** Checked options of a source with their defaults; frozen. */
export interface ReadSettings
  extends TableSettings,
    Omit<Defaulted<typeof readEntries>, 'filter' | 'params' | 'with_times' | keyof TimeNames> {
  readonly params: readonly unknown[]
  /** Properties that tell the times of cells; undefined where they are not read. */
  readonly times: TimeNames | undefined
}

/** Properties of a part of a row, by the options that name them. */
export interface TimeNames {
  readonly timestamp_column: string
  readonly ttl_column: string
  readonly operation_column: string
}

const timeNames = {
  timestamp_column: 'write_time',
  ttl_column: 'ttl',
  operation_column: 'operation',
} as const

/**
 * Checks options once and freezes them with their defaults.
 * @throws OptionError `ERR_CASSANDRA_OPTION_UNKNOWN` or `ERR_CASSANDRA_OPTION`.
 */
export function readSettingsOf(options: CassandraReadableOptions): ReadSettings {
  const given = checkEach(options, { ...connectionEntries, ...readEntries })
  const {
    filter,
    where = filter,
    params = [],
    with_times,
    timestamp_column: _timestamp,
    ttl_column: _ttl,
    operation_column: _operation,
    ...rest
  } = withDefaults(given, readEntries)
  if (filter !== undefined && given.where !== undefined) {
    throw refuse('filter', 'Expected `filter` to be absent beside `where`, which says the same')
  }
  if (params.length > 0 && where === undefined) {
    throw refuse('params', 'Expected `where` to be given beside `params`')
  }
  const columns = rest.columns === undefined ? undefined : [...rest.columns]
  const times = timesOf(given, with_times)
  const connection = connectionSettings(given)
  return Object.freeze({ ...connection, ...rest, where, params: [...params], columns, times })
}

function timesOf(given: Partial<TimeNames>, isWanted: boolean): TimeNames | undefined {
  const options = Object.keys(timeNames) as (keyof TimeNames)[]
  if (!isWanted) {
    const stray = options.find(option => given[option] !== undefined)
    if (stray !== undefined) throw refuse(stray, `Expected \`with_times\` to be true beside \`${stray}\``)
    return undefined
  }
  const {
    timestamp_column = timeNames.timestamp_column,
    ttl_column = timeNames.ttl_column,
    operation_column = timeNames.operation_column,
  } = given
  const names = { timestamp_column, ttl_column, operation_column }
  eachOnce(names, options)
  return names
}
