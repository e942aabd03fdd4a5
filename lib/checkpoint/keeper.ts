import type { Connection } from '../cluster/connect.ts'
import type { CheckpointPlace } from '../options/checkpointPlace.ts'
import type { ConsistencyName } from '../options/options.ts'
import type { Checkpoint } from './checkpoint.ts'
import { openCheckpoint } from './file/fileCheckpoint.ts'
import { openTableCheckpoint } from './table/tableCheckpoint.ts'
import type { Target } from './target.ts'

/** Who opens a checkpoint, and how. */
export interface Opening {
  readonly settings: {
    readonly consistency: ConsistencyName
    readonly request_timeout_ms: number
    readonly retry_timeout_ms: number
  }
  /** Take it also from an owner that is alive, who then can record nothing more. Of a table it is always taken so. */
  readonly takesOver: boolean
  /** As in {@link Checkpoint}, of an owner that comes back. */
  readonly token?: string | undefined
  /** Called for a table. The checkpoint closes the connection. */
  readonly connect: () => Promise<Connection>
  /** Ends the opening of one in a table. */
  readonly signal: AbortSignal
}

/**
 * Opens a checkpoint, whatever keeps it.
 * @throws CheckpointError if it cannot be read, is damaged, is another table's, or has another owner; for a table also
 * ConnectionError and SchemaError
 */
export async function openKept(
  place: CheckpointPlace,
  target: Target,
  opening: Opening,
): Promise<Checkpoint> {
  const { settings, takesOver, token, connect, signal } = opening
  if (typeof place === 'string') return openCheckpoint(place, target, { takesOver })
  const { consistency, request_timeout_ms, retry_timeout_ms } = settings
  const limits = { request_timeout_ms, retry_timeout_ms }
  const connection = await connect()
  try {
    return await openTableCheckpoint(place, target, { connection, consistency, limits, token }, signal)
  } catch (error) {
    await connection.close()
    throw error
  }
}
