import type { Json } from '../json.ts'
import { checkEach, type Defaulted, refuse, withDefaults } from './check.ts'
import { fixedPlace } from './checkpointPlace.ts'
import { connectionEntries, followEntries, readEntries } from './readEntries.ts'
import type { CassandraReadableOptions, FollowOptions } from './readOptions.ts'
import { connectionSettings, type TableSettings } from './settings.ts'
import { type Shard, shardOf } from './shard.ts'
import { eachOnce } from './together.ts'

/** What values are read as: plain JavaScript, what JSON keeps, or the driver's own classes. */
export type ValueForm = 'plain' | 'json' | 'driver'

/** Checked options of a source with their defaults; frozen. */
export interface ReadSettings
  extends TableSettings,
    Omit<
      Defaulted<typeof readEntries>,
      'filter' | 'json' | 'params' | 'values' | 'follow' | 'after' | 'shard' | 'with_times' | keyof TimeNames
    > {
  readonly params: readonly unknown[]
  readonly values: ValueForm
  /** Properties with the times of cells. Undefined if they are not read. */
  readonly times: TimeNames | undefined
  /** Null to start at the first row. Undefined if rows have no position. */
  readonly after: Json | undefined
  readonly follow: FollowSettings | undefined
  /** Undefined for the whole ring. */
  readonly shard: Shard | undefined
}

export interface FollowSettings extends Defaulted<typeof followEntries> {
  readonly by: 'scan' | 'tail'
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
    json,
    with_times,
    timestamp_column: _timestamp,
    ttl_column: _ttl,
    operation_column: _operation,
    ...rest
  } = withDefaults(given, readEntries)
  if (filter !== undefined && given.where !== undefined) {
    throw refuse('filter', 'Expected `filter` to be absent beside `where`, which has the same meaning')
  }
  if (params.length > 0 && where === undefined) {
    throw refuse('params', 'Expected `where` to be given beside `params`')
  }
  if (given.after !== undefined && given.checkpoint_location !== undefined) {
    throw refuse(
      'after',
      'Expected `after` to be absent beside `checkpoint_location`, which keeps the position',
    )
  }
  if (json && rest.values === 'driver') {
    throw refuse(
      'json',
      "Expected `json` to be absent beside `values: 'driver'`, whose classes JSON does not keep",
    )
  }
  const times = timesOf(given, with_times)
  refuseTogether(with_times, 'json', json)
  refuseTogether(with_times, 'values', rest.values === 'driver')
  refuseTogether(with_times, 'follow', given.follow !== undefined)
  const follow = given.follow && followSettingsOf(given.follow)
  // A single replica may not have a row that others acknowledged long ago.
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
    checkpoint_location: location === undefined ? undefined : fixedPlace(location),
    follow,
    shard: given.shard === undefined ? undefined : shardOf(given.shard),
    times,
  })
}

function followSettingsOf(options: FollowOptions): FollowSettings {
  const { by, ...rest } = withDefaults(checkEach(options, followEntries), followEntries)
  if (by === undefined) throw refuse('follow', 'Expected `follow` to have `by`')
  return Object.freeze({ by, ...rest })
}

function refuseTogether(with_times: boolean, option: string, isGiven: boolean): void {
  if (with_times && isGiven) throw refuse(option, `Expected \`${option}\` to be absent beside \`with_times\``)
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
