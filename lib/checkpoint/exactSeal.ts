import { CheckpointError } from '../errors.ts'
import { faultIn } from '../json.ts'
import type { Seal } from './epoch.ts'

/** Leaves room in a record, or a row, for the rest of a seal. */
const MAX_POSITION_LENGTH = 2 ** 20

/**
 * A copy that later changes do not reach.
 * @throws CheckpointError `ERR_CASSANDRA_POSITION` when JSON does not hold the position, or it is too long
 */
export function exactSeal(given: Seal): Seal {
  const fault = faultIn(given.position)
  const position = fault === undefined ? JSON.stringify(given.position) : ''
  if (fault !== undefined || position.length > MAX_POSITION_LENGTH) {
    const got = fault ?? `${position.length} characters`
    throw new CheckpointError(
      'ERR_CASSANDRA_POSITION',
      `Expected the position of epoch ${given.epoch_id} to be a JSON value of at most ${MAX_POSITION_LENGTH} ` +
        `characters, got ${got}`,
    )
  }
  return { ...given, blocks: [...given.blocks], position: JSON.parse(position) }
}
