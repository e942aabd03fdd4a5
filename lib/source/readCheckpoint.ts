import { createHash } from 'node:crypto'
import { type InspectOptions, inspect, types as is } from 'node:util'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import type { EpochState } from '../checkpoint/epoch.ts'
import { openKept } from '../checkpoint/keeper.ts'
import { SOURCE_MARK } from '../checkpoint/target.ts'
import { connect } from '../cluster/connect.ts'
import { CheckpointError } from '../errors.ts'
import { hasShape, isText, type Json } from '../json.ts'
import { type CheckpointPlace, placeText } from '../options/checkpointPlace.ts'
import type { ReadSettings } from '../options/readSettings.ts'
import type { ReadTarget } from '../read/tableReader.ts'
import { isPlain } from '../realm.ts'
import { setOwn } from '../value/decoder.ts'
import { isDriver } from '../value/driverValue.ts'

/** What the checkpoint of a source keeps as its position. */
interface Kept {
  /** Identifies the rows that are read, by a hash of `where`, `params`, `follow.by` and `shard`. */
  readonly of: string
  readonly after: Json
}

const keptShape = { of: isText, after: () => true }

/**
 * Keeps the position of a source in a checkpoint, where each position is an epoch without rows. If positions are acknowledged
 * faster than they can be recorded, only the last one is recorded. A position that is acknowledged after the end of the source,
 * for example by a sink that still writes, opens the checkpoint again. That fails if another owner opened it in between.
 */
export class ReadCheckpoint {
  readonly #open: (token: string | undefined) => Promise<Checkpoint>
  readonly #of: string
  /** Undefined once the source is closed. */
  #checkpoint: Checkpoint | undefined
  /** As in {@link Checkpoint}, of the one that was closed last. */
  #token: string | undefined
  #position: Json
  /** An acknowledged position whose write has not started. */
  #newest: { readonly position: Json; readonly kept: Promise<void> } | undefined
  #keeping: Promise<void> = Promise.resolve()

  private constructor(
    open: (token: string | undefined) => Promise<Checkpoint>,
    checkpoint: Checkpoint,
    of: string,
    position: Json,
  ) {
    this.#open = open
    this.#checkpoint = checkpoint
    this.#of = of
    this.#position = position
  }

  /**
   * @param signal aborts the opening
   * @throws CheckpointError when it cannot be read, is damaged, has another owner, or belongs to other rows
   */
  static async open(
    settings: ReadSettings,
    place: CheckpointPlace,
    target: ReadTarget,
    signal: AbortSignal,
  ): Promise<ReadCheckpoint> {
    const { where = '', params, follow, shard, take_over } = settings
    // A sink's checkpoint of the same table is a different one.
    const name = { ...target, table: `${target.table}${SOURCE_MARK}` }
    const said = inspect([where, wholeOf(params), follow?.by, ...(shard ? [shard] : [])], EVERYTHING)
    const of = createHash('sha256').update(said).digest('base64url')
    const afterIn = ({ committed, sealed, next }: EpochState) => {
      // If a run was killed, its last position may be sealed only. It was acknowledged, so it counts.
      const { position = null } = next ?? sealed ?? committed ?? {}
      return position === null ? null : afterOf(position, of, placeText(place), target)
    }
    const open = async (takesOver: boolean, ending: AbortSignal, token?: string) => {
      const checkpoint = await openKept(place, name, {
        settings,
        takesOver,
        token,
        check: afterIn,
        // Shares the client of the source, and may be used after the end of the source.
        connect: () => connect(settings, ending),
        signal: ending,
      })
      try {
        while (checkpoint.state.sealed !== undefined) await checkpoint.commit()
        return checkpoint
      } catch (error) {
        await checkpoint.close().catch(() => {})
        throw error
      }
    }
    const checkpoint = await open(take_over, signal)
    const openAgain = (token: string | undefined) => open(false, new AbortController().signal, token)
    return new ReadCheckpoint(openAgain, checkpoint, of, afterIn(checkpoint.state))
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

  /** Releases the checkpoint once all positions so far are recorded. Never throws. */
  close(): Promise<void> {
    this.#keeping = this.#keeping.then(async () => {
      const checkpoint = this.#checkpoint
      this.#checkpoint = undefined
      if (checkpoint !== undefined) await this.#release(checkpoint)
    })
    return this.#keeping
  }

  async #release(checkpoint: Checkpoint): Promise<void> {
    this.#token = checkpoint.token
    await checkpoint.close().catch(() => {})
  }

  async #keepNewest(): Promise<void> {
    const position = this.#newest?.position ?? null
    this.#newest = undefined
    const late = this.#checkpoint === undefined ? await this.#open(this.#token) : undefined
    try {
      await this.#keep((late ?? this.#checkpoint) as Checkpoint, position)
    } finally {
      if (late !== undefined) await this.#release(late)
    }
  }

  async #keep(checkpoint: Checkpoint, position: Json): Promise<void> {
    const { committed, high_water } = checkpoint.state
    const timestamp = String(high_water + 1n)
    await checkpoint.seal({
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
    await checkpoint.commit()
    this.#position = position
  }
}

/** `inspect` shows only the first 50 bytes of a Buffer. */
function wholeOf(value: unknown): unknown {
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
  if (Array.isArray(value)) return value.map(wholeOf)
  if (is.isMap(value)) return new Map(Array.from(value, ([key, item]) => [wholeOf(key), wholeOf(item)]))
  if (is.isSet(value)) return new Set(Array.from(value, wholeOf))
  if (typeof value !== 'object' || value === null) return value
  return isPlain(value) || isDriver(value, 'Tuple') ? withWholeFields(value) : value
}

function withWholeFields(value: object): object {
  const whole = Object.create(Object.getPrototypeOf(value) as object | null) as Record<string, unknown>
  for (const [name, item] of Object.entries(value)) setOwn(whole, name, wholeOf(item))
  return whole
}

/** All options of `inspect`: a checkpoint must not depend on defaults that one run changes and another does not. */
const EVERYTHING: Required<InspectOptions> = {
  depth: null,
  maxArrayLength: null,
  maxStringLength: null,
  breakLength: 80,
  colors: false,
  compact: 3,
  customInspect: true,
  getters: false,
  numericSeparator: false,
  showHidden: false,
  showProxy: false,
  sorted: false,
}

function afterOf(position: Json, of: string, location: string, { keyspace, table }: ReadTarget): Json {
  if (hasShape<Kept>(keptShape, position) && position.of === of) return position.after
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_TARGET',
    `Checkpoint ${location} belongs to a read of ${keyspace}.${table} with another \`where\`, \`params\`, \`follow\` or \`shard\`. ` +
      'Read with the same ones, or remove the checkpoint to start from the first row',
    { location },
  )
}
