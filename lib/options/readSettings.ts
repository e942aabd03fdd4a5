import { resolve } from 'node:path'
import type { Json } from '../json.ts'
import { checkEach, type Defaulted, refuse, withDefaults } from './check.ts'
import { connectionEntries, followEntries, readEntries } from './readEntries.ts'
import type { CassandraReadableOptions, FollowOptions } from './readOptions.ts'
import { connectionSettings, type TableSettings } from './settings.ts'

/** What values are read as: plain JavaScript, what JSON keeps, or the driver's own classes. */
export type ValueForm = 'plain' | 'json' | 'driver'

/** Checked options of a source with their defaults; frozen. */
export interface ReadSettings
  extends TableSettings,
    Omit<Defaulted<typeof readEntries>, 'filter' | 'json' | 'params' | 'values' | 'follow' | 'after'> {
  readonly params: readonly unknown[]
  readonly values: ValueForm
  /** Null from the first row on; undefined where rows have no place. */
  readonly after: Json | undefined
  readonly follow: FollowSettings | undefined
}

export interface FollowSettings extends Defaulted<typeof followEntries> {
  readonly by: 'scan' | 'tail'
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
  if (given.after !== undefined && given.checkpoint_location !== undefined) {
    throw refuse(
      'after',
      'Expected `after` to be absent beside `checkpoint_location`, which knows the position',
    )
  }
  if (json && rest.values === 'driver') {
    throw refuse(
      'json',
      "Expected `json` to be absent beside `values: 'driver'`, whose classes JSON does not keep",
    )
  }
  const follow = given.follow && followSettingsOf(given.follow)
  // One replica may not have heard of a row that others acknowledged long ago.
  const consistency = follow === undefined ? rest.consistency : (given.consistency ?? 'LOCAL_QUORUM')
  const { checkpoint_location: location } = given
  const columns = rest.columns === undefined ? undefined : [...rest.columns]
  return Object.freeze({
    ...connectionSettings(given),
    ...rest,
    where,
    params: [...params],
    columns,
    consistency,
    after: given.after,
    values: json ? 'json' : rest.values,
    // Where it is does not change with the working directory.
    checkpoint_location: location === undefined ? undefined : resolve(location),
    follow,
  })
}

function followSettingsOf(options: FollowOptions): FollowSettings {
  const { by, ...rest } = withDefaults(checkEach(options, followEntries), followEntries)
  if (by === undefined) throw refuse('follow', 'Expected `follow` to have `by`')
  return Object.freeze({ by, ...rest })
}
