import type { Connection } from '../cluster/connect.ts'
import type { CheckpointPlace } from '../options/checkpointPlace.ts'
import type { ConsistencyName } from '../options/options.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { EpochState } from './epoch.ts'
import { openCheckpoint } from './file/fileCheckpoint.ts'
import { openTableCheckpoint } from './table/tableCheckpoint.ts'
import type { Target } from './target.ts'

/** How a checkpoint is opened. */
export interface Opening {
  readonly settings: {
    readonly consistency: ConsistencyName
    readonly request_timeout_ms: number
    readonly retry_timeout_ms: number
  }
  /**
   * Takes the checkpoint even from an owner that is alive. That owner can then record nothing more. A checkpoint in a table is
   * always taken over.
   */
  readonly takesOver: boolean
  /** The `token` of the {@link Checkpoint}, for an owner that opens it again. */
  readonly token?: string | undefined
  /** Throws if the checkpoint is of no use in this state. Called before it is taken, so that its owner then keeps it. */
  readonly check?: ((state: EpochState) => void) | undefined
  /** Called for a checkpoint in a table, which closes the connection when it is closed. */
  readonly connect: () => Promise<Connection>
  /** Aborts the opening of a checkpoint in a table. */
  readonly signal: AbortSignal
}

/**
 * Opens a checkpoint in a file or in a table.
 * @throws CheckpointError if it cannot be read, is damaged, belongs to another table, or has another owner. If it is in a table,
 * also ConnectionError and SchemaError.
 */
export async function openKept(
  place: CheckpointPlace,
  target: Target,
  opening: Opening,
): Promise<Checkpoint> {
  const { settings, takesOver, token, check, connect, signal } = opening
  if (typeof place === 'string') return openCheckpoint(place, target, { takesOver, token, check })
  const { consistency, request_timeout_ms, retry_timeout_ms } = settings
  const limits = { request_timeout_ms, retry_timeout_ms }
  const connection = await connect()
  try {
    return await openTableCheckpoint(place, target, { connection, consistency, limits, token, check }, signal)
  } catch (error) {
    await connection.close()
    throw error
  }
}
