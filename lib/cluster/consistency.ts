import { types } from 'cassandra-driver'
import type { ConsistencyName } from '../options/options.ts'

/** A consistency level as the driver has it: LOCAL_QUORUM is its `localQuorum`. */
export function consistencyOf(name: ConsistencyName): types.consistencies {
  const key = name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return types.consistencies[key as keyof typeof types.consistencies]
}

/** The levels of a lightweight transaction. */
export interface SerialLevels {
  readonly name: 'SERIAL' | 'LOCAL_SERIAL'
  /** Which transactions see each other: all of them, or those of one datacenter. */
  readonly serial: types.consistencies
  /** How many replicas must have the outcome of a transaction before it is acknowledged. */
  readonly commit: types.consistencies
}

/** With a LOCAL level, transactions stay within the datacenter, like writes. */
export function serialLevelsOf(name: ConsistencyName): SerialLevels {
  const { serial, quorum, localSerial, localQuorum } = types.consistencies
  return name.startsWith('LOCAL_')
    ? { name: 'LOCAL_SERIAL', serial: localSerial, commit: localQuorum }
    : { name: 'SERIAL', serial, commit: quorum }
}
