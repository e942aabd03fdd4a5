import { types } from 'cassandra-driver'
import type { ConsistencyName } from '../options/options.ts'

/** A consistency level as the driver has it: LOCAL_QUORUM is its `localQuorum`. */
export function consistencyOf(name: ConsistencyName): types.consistencies {
  const key = name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return types.consistencies[key as keyof typeof types.consistencies]
}
