import { types as is } from 'node:util'
import { CheckpointError } from '../errors.ts'
import type { Json } from '../json.ts'
import { copyOfJson, faultIn, isJson } from '../json.ts'
import type { WriteSettings } from '../options/settings.ts'

/**
 * The position of a row in its source, as a copy: a source may update one object as it goes.
 * @throws CheckpointError `ERR_CASSANDRA_POSITION`
 */
export function positionOf(row: unknown, { position }: Pick<WriteSettings, 'position'>): Json | undefined {
  if (position === undefined) return undefined
  let given: unknown
  try {
    given = position(row as never)
    if (isJson(given)) return copyOfJson(given)
  } catch (cause) {
    throw new CheckpointError('ERR_CASSANDRA_POSITION', `\`position\` failed: ${cause}`, { cause })
  }
  // A promise is refused here. Its rejection must not end the process.
  if (is.isPromise(given)) given.catch(() => {})
  const expected = 'Expected `position` to return a JSON value for each row'
  throw new CheckpointError('ERR_CASSANDRA_POSITION', `${expected}, got ${faultIn(given)}`)
}
