import { resolve, sep } from 'node:path'
import { hasShape, type Shape } from '../json.ts'
import { type Kind, text } from './entry.ts'
import { isSystemKeyspace } from './systemKeyspace.ts'

/** A row of a Cassandra table that keeps a checkpoint. Another machine can take it over. */
export interface CheckpointTable {
  /** Keyspace of the table. It must exist, and should have a replication factor of 3 or more. */
  readonly keyspace: string
  /** The table. It is created if there is none. @default 'cassandra_streams_checkpoints' */
  readonly table?: string | undefined
  /** Name of the checkpoint, one per source and table. At most 1024 characters. */
  readonly name: string
}

/** A {@link CheckpointTable} with the default for its table. */
export interface TablePlace {
  readonly keyspace: string
  readonly table: string
  readonly name: string
}

/** Where a checkpoint is kept: the path of a file, or a row of a table. */
export type CheckpointPlace = string | TablePlace

const DEFAULT_TABLE = 'cassandra_streams_checkpoints'

/** Maximum number of characters of a name, which is a partition key. */
const MOST_CHARACTERS = 1024

/** UTF-8 has no bytes for half of a surrogate pair: two names would become one. */
const loneSurrogate = /\p{Surrogate}/u

const placeShape: Shape<TablePlace> = {
  keyspace: value => text.accepts(value) && !isSystemKeyspace(value),
  table: text.accepts,
  name: value => text.accepts(value) && value.length <= MOST_CHARACTERS && !loneSurrogate.test(value),
}

/** Where many checkpoints are kept: a folder, or a table. */
export type CheckpointStore = string | Omit<TablePlace, 'name'>

const { name: _name, ...storeShape } = placeShape

export const checkpointStore: Kind<CheckpointStore> = {
  expected: 'a non-empty string, or `{ keyspace, table? }`',
  read: given => withTable(given),
  accepts: (value): value is CheckpointStore => text.accepts(value) || hasShape(storeShape, value),
}

export const checkpointPlace: Kind<CheckpointPlace> = {
  expected: 'a non-empty string, or `{ keyspace, table?, name }`',
  read: given => withTable(given),
  accepts: (value): value is CheckpointPlace => text.accepts(value) || hasShape(placeShape, value),
}

function withTable(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return Object.fromEntries([['table', DEFAULT_TABLE], ...said])
}

/** Does not change with the working directory. */
export function fixedPlace<Place extends object>(place: string | Place): string | Place {
  if (typeof place !== 'string') return Object.freeze({ ...place })
  const path = resolve(place)
  // `resolve` removes an end that only a folder has.
  const name = place.slice(Math.max(place.lastIndexOf('/'), place.lastIndexOf(sep)) + 1)
  return ['', '.', '..'].includes(name) && !path.endsWith(sep) ? path + sep : path
}

/** The text of a place, for messages. */
export function placeText(place: CheckpointPlace): string {
  return typeof place === 'string' ? place : `\`${place.name}\` in table ${place.keyspace}.${place.table}`
}
