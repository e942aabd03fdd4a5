import { type Fault, faultOf } from '../../cluster/fault.ts'
import { CassandraStreamsError, CheckpointError } from '../../errors.ts'
import { messageIn } from '../../realm.ts'

/** What the server's errors mean, and what to do about them. */
const remedies: Partial<Readonly<Record<Fault, string>>> = {
  unauthorized:
    'The role needs SELECT and MODIFY on the table, and CREATE on its keyspace where the table does not exist yet',
  unavailable: 'Too few replicas are alive for a lightweight transaction: they need a majority',
  slow: 'No majority of the replicas answered in time',
  consistency:
    'The keyspace does not take lightweight transactions at this level: change the option `consistency`',
  schema: 'The table was dropped or altered',
  closed: 'The `client` was shut down',
}

/** Turns an error of the driver into a CheckpointError with advice. Errors of this package stay as they are. */
export function explainFailure(
  error: unknown,
  location: string,
  verb: 'open' | 'write',
): CassandraStreamsError {
  if (error instanceof CassandraStreamsError) return error
  const remedy = remedies[faultOf(error)]
  const advice = remedy === undefined ? '' : `. ${remedy}`
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_IO',
    `Cannot ${verb} checkpoint ${location}: ${messageIn(error)}${advice}`,
    { location, cause: error },
  )
}
