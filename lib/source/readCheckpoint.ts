import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import { openCheckpoint } from '../checkpoint/file/fileCheckpoint.ts'
import { CheckpointError } from '../errors.ts'
import { hasShape, isText, type Json } from '../json.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import type { ReadTarget } from '../read/tableReader.ts'

/** What the checkpoint of a source has as its position. */
interface Kept {
  /** Tells rows that are read from those that another `where` gives. */
  readonly of: string
  readonly after: Json
}

const keptShape = { of: isText, after: () => true }

/**
 * How far a source came, in the file of a sink's checkpoint: each position is an epoch of no rows. Positions that come
 * faster than the disk takes them are kept by the last of them.
 */
export class ReadCheckpoint {
  readonly #checkpoint: Checkpoint
  readonly #of: string
  #position: Json
  /** What is acknowledged and not begun to be kept. */
  #newest: { readonly position: Json; readonly kept: Promise<void> } | undefined
  #keeping: Promise<void> = Promise.resolve()

  private constructor(checkpoint: Checkpoint, of: string, position: Json) {
    this.#checkpoint = checkpoint
    this.#of = of
    this.#position = position
  }

  /** @throws CheckpointError when it cannot be read, is damaged, has another owner, or is of other rows */
  static async open(
    { take_over, where = '', params, follow }: ReadSettings,
    location: string,
    target: ReadTarget,
  ): Promise<ReadCheckpoint> {
    // A sink's checkpoint of the same table is another one.
    const name = { ...target, table: `${target.table} (read)` }
    const said = inspect([where, params, follow?.by], {
      depth: null,
      maxArrayLength: null,
      maxStringLength: null,
    })
    const of = createHash('sha256').update(said).digest('base64url')
    const checkpoint = await openCheckpoint(location, name, { takesOver: take_over })
    try {
      // A run that was killed has left its last position sealed: it was acknowledged.
      while (checkpoint.state.sealed !== undefined) await checkpoint.commit()
      const position = checkpoint.state.committed?.position ?? null
      if (position === null) return new ReadCheckpoint(checkpoint, of, null)
      if (!hasShape<Kept>(keptShape, position) || position.of !== of) {
        throw new CheckpointError(
          'ERR_CASSANDRA_CHECKPOINT_TARGET',
          `Checkpoint ${location} is of other rows of ${target.keyspace}.${target.table}: \`where\`, \`params\` or ` +
            '`follow` were not these. Read with those, or remove it to begin with the first row',
          { location },
        )
      }
      return new ReadCheckpoint(checkpoint, of, position.after)
    } catch (error) {
      await checkpoint.close().catch(() => {})
      throw error
    }
  }

  get position(): Json {
    return this.#position
  }

  /** Resolves when this position, or a later one, is durable. */
  acknowledge(position: Json): Promise<void> {
    if (this.#newest !== undefined) {
      this.#newest = { ...this.#newest, position }
      return this.#newest.kept
    }
    const kept = this.#keeping.then(() => this.#keepNewest())
    this.#newest = { position, kept }
    this.#keeping = kept.catch(() => {})
    return kept
  }

  /** Waits for what is acknowledged, and gives the file back. Never throws. */
  async close(): Promise<void> {
    await this.#keeping
    await this.#checkpoint.close().catch(() => {})
  }

  async #keepNewest(): Promise<void> {
    const position = this.#newest?.position ?? null
    this.#newest = undefined
    const { committed, high_water } = this.#checkpoint.state
    const timestamp = String(high_water + 1n)
    await this.#checkpoint.seal({
      epoch_id: (committed?.epoch_id ?? -1) + 1,
      rows: 0,
      blocks: [],
      block_rows: 1,
      sealed_at_ms: Date.now(),
      position: { of: this.#of, after: position },
      rows_total: 0,
      timestamp,
      last_timestamp: timestamp,
    })
    await this.#checkpoint.commit()
    this.#position = position
  }
}
