import { CheckpointError } from '../errors.ts'
import type { Json } from '../json.ts'
import { faultIn, isJson } from '../json.ts'
import type { WriteSettings } from '../options/settings.ts'

/**
 * The place of a row in its source. A copy: a source may keep one object up to date as it goes.
 * @throws CheckpointError `ERR_CASSANDRA_POSITION`
 */
export function positionOf(row: unknown, { position }: Pick<WriteSettings, 'position'>): Json | undefined {
  if (position === undefined) return undefined
  let given: unknown
  try {
    given = position(row as never)
    if (isJson(given)) return typeof given === 'object' ? structuredClone(given) : given
  } catch (cause) {
    throw new CheckpointError('ERR_CASSANDRA_POSITION', `\`position\` failed: ${cause}`, { cause })
  }
  // It is refused here; its own failure must not end the process.
  if (given instanceof Promise) given.catch(() => {})
  const expected = 'Expected `position` to give a JSON value for each row'
  throw new CheckpointError('ERR_CASSANDRA_POSITION', `${expected}, got ${faultIn(given)}`)
}
