import { CheckpointError } from '../errors.ts'
import { hasShape, isText, type Shape } from '../json.ts'

/** The table that a checkpoint belongs to. The name in the target of a source ends with {@link SOURCE_MARK}. */
export interface Target {
  readonly cluster: string
  readonly keyspace: string
  readonly table: string
  /** Changes when the table is dropped and created again. */
  readonly table_id: string
}

/** Keeps the checkpoints of sources and sinks apart. */
export const SOURCE_MARK = ' (read)'

const shape: Shape<Target> = { cluster: isText, keyspace: isText, table: isText, table_id: isText }
const names = ['cluster', 'keyspace', 'table', 'table_id'] as const

export const isTarget = (value: unknown): value is Target => hasShape(shape, value)

const isOfSource = ({ table }: Target) => table.endsWith(SOURCE_MARK)

/**
 * @param kept whether the checkpoint is a file or a row
 * @throws CheckpointError `ERR_CASSANDRA_CHECKPOINT_TARGET` when the checkpoint belongs to another table
 */
export function checkTarget(found: Target, target: Target, location: string, kept: 'file' | 'row'): void {
  const name = names.find(each => found[each] !== target[each])
  if (name === undefined) return
  const isOther = name === 'table' && isOfSource(found) !== isOfSource(target)
  const why =
    name === 'table_id'
      ? '; the table was dropped and created again'
      : isOther
        ? '; a source and a sink cannot share a checkpoint'
        : ''
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_TARGET',
    `Checkpoint ${location} belongs to ${name} ${found[name]}, not ${target[name]}${why}. ` +
      `Use another checkpoint, or remove the ${kept} to start from the beginning`,
    { location },
  )
}
