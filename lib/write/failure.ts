import { wordsOf } from '../cluster/failure.ts'
import { type Fault, faultOf } from '../cluster/fault.ts'
import { CassandraStreamsError, ConnectionError, RowError, WriteError } from '../errors.ts'

/**
 * The error that a stream ends with. Rows are sent concurrently, so a later one may be refused first. Of several refused rows
 * the first in arrival order counts, otherwise the first error.
 */
export function failureOf(known: CassandraStreamsError | undefined, error: Error): CassandraStreamsError {
  if (known === undefined) return error instanceof CassandraStreamsError ? error : unexpected(error)
  const isEarlier =
    error instanceof RowError && known instanceof RowError && error.row_index < known.row_index
  return isEarlier ? error : known
}

function unexpected(error: Error): WriteError {
  return new WriteError('ERR_CASSANDRA_WRITE', `Rows cannot be written: ${wordsOf(error)}`, { cause: error })
}

/** No node describes the table, so it is unknown whether the rows went to the right one. */
export function undescribed(error: Error, limit_ms: number): WriteError {
  if (faultOf(error) === 'closed') return clientClosed()
  const text = `No node described the table within ${limit_ms} ms: ${wordsOf(error)}`
  return new WriteError('ERR_CASSANDRA_RETRY_TIMEOUT', text, { cause: error })
}

/** The caller shut its client down. */
function clientClosed(): WriteError {
  return new WriteError('ERR_CASSANDRA_WRITE', 'The `client` was shut down before all rows were written')
}

/** The error for a fault that no retry can fix. */
export function permanent(fault: Fault, error: unknown): Error {
  const words = wordsOf(error)
  switch (fault) {
    case 'credentials':
      return new ConnectionError('ERR_CASSANDRA_AUTH', words, [])
    case 'unauthorized':
      return new WriteError('ERR_CASSANDRA_UNAUTHORIZED', `Rows cannot be written: ${words}`, {
        cause: error,
      })
    case 'consistency':
      return new WriteError(
        'ERR_CASSANDRA_CONSISTENCY',
        `The table cannot be written at this \`consistency\`: ${words}`,
        { cause: error },
      )
    case 'timestamps':
      return new WriteError(
        'ERR_CASSANDRA_WRITE',
        `The cluster refuses write times from clients, and each row carries one: set \`user_timestamps_enabled\` to true in cassandra.yaml. The server says: ${words}`,
        { cause: error },
      )
    case 'time':
      return new WriteError(
        'ERR_CASSANDRA_WRITE',
        'The cluster refuses the write times of this sink: raise `minimum_timestamp_fail_threshold` or ' +
          '`maximum_timestamp_fail_threshold` in cassandra.yaml, and synchronize the clocks of all nodes. ' +
          `The server says: ${words}`,
        { cause: error },
      )
    case 'closed':
      return clientClosed()
    default:
      return new WriteError('ERR_CASSANDRA_WRITE', `Rows cannot be written: ${words}`, { cause: error })
  }
}
