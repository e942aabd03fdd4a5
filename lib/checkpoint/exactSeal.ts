import { CheckpointError } from '../errors.ts'
import { faultIn } from '../json.ts'
import type { Seal } from './epoch.ts'

/** Maximum number of characters of a position as JSON. The rest of the seal must fit into the same record or row. */
const MAX_POSITION_LENGTH = 2 ** 20

/**
 * Copies a seal, so that later changes of the given object have no effect.
 * @throws CheckpointError `ERR_CASSANDRA_POSITION` when the position is not exact as JSON, or is too long
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
