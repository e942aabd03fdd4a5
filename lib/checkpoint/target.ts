import { CheckpointError } from '../errors.ts'
import { hasShape, isText, type Shape } from '../json.ts'

/** The table that a checkpoint belongs to. */
export interface Target {
  readonly cluster: string
  readonly keyspace: string
  readonly table: string
  /** Another one means that the table was dropped and created again. */
  readonly table_id: string
}

const shape: Shape<Target> = { cluster: isText, keyspace: isText, table: isText, table_id: isText }
const names = ['cluster', 'keyspace', 'table', 'table_id'] as const

export const isTarget = (value: unknown): value is Target => hasShape(shape, value)

/**
 * @param kept what keeps the checkpoint: a file or a row
 * @throws CheckpointError `ERR_CASSANDRA_CHECKPOINT_TARGET` when the checkpoint belongs to another table
 */
export function checkTarget(found: Target, target: Target, location: string, kept: 'file' | 'row'): void {
  const name = names.find(each => found[each] !== target[each])
  if (name === undefined) return
  const why = name === 'table_id' ? '; the table was dropped and created again' : ''
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_TARGET',
    `Checkpoint ${location} belongs to ${name} ${found[name]}, not ${target[name]}${why}. ` +
      `Use another checkpoint_location, or remove the ${kept} to begin with the first epoch`,
    { location },
  )
}
