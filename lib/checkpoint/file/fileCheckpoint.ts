import { CassandraStreamsError, CheckpointError } from '../../errors.ts'
import type { Checkpoint } from '../checkpoint.ts'
import {
  commit,
  type EpochState,
  isInOrder,
  reseal,
  type Seal,
  seal,
  stateAfter,
  type TimestampSpan,
} from '../epoch.ts'
import { exactSeal } from '../exactSeal.ts'
import type { Target } from '../target.ts'
import { explainFailure } from './failure.ts'
import { DurableFile, readWhole } from './file.ts'
import { type CheckpointFs, realFs } from './fs.ts'
import { beginHistory, copyHistory, type Event, type History, type NewFile, readHistory } from './history.ts'
import { realLocation } from './location.ts'
import { Lock } from './lock.ts'
import { type Processes, realProcesses } from './process.ts'
import { encodeRecord } from './record.ts'

/** Bytes beyond which the next seal starts a new file, which has only the current state. */
const LONG_FILE = 2 ** 20

/** Stands for the id of a file that does not exist. */
const NO_FILE = 'no file'

/** How a checkpoint is opened. Only specs set the options after `check`. */
export interface CheckpointOptions {
  /** Takes the checkpoint even from an owner that is alive. That owner can then record nothing more. */
  readonly takesOver?: boolean | undefined
  /** As in {@link Checkpoint}, for an owner that opens it again. */
  readonly token?: string | undefined
  /** Throws if the checkpoint is of no use in this state. */
  readonly check?: ((state: EpochState) => void) | undefined
  readonly fs?: CheckpointFs | undefined
  readonly processes?: Processes | undefined
  readonly longFile?: number | undefined
}

/**
 * Locks the checkpoint at `location` and reads it, or starts a new one. Its file is created with the first seal. If `location` is
 * a folder, the file is `checkpoint` in that folder.
 * @throws CheckpointError if the checkpoint cannot be read, is damaged, belongs to another table, or has another owner.
 */
export async function openCheckpoint(
  location: string,
  target: Target,
  options: CheckpointOptions = {},
): Promise<Checkpoint> {
  const { takesOver = false, fs = realFs, processes = realProcesses } = options
  try {
    const real = await realLocation(location, fs)
    const look = () => find(real, target, fs, options)
    // A process that cannot use the checkpoint must leave it to its owner. That one may replace the file during the first look.
    if (takesOver) await look().catch(look)
    const lock = await Lock.acquire(fs, real, processes, takesOver)
    try {
      return await read(real, target, fs, lock, options)
    } catch (error) {
      const cause = await asLost(error, real, lock)
      await lock.release().catch(() => {})
      throw cause
    }
  } catch (error) {
    throw error instanceof CassandraStreamsError ? error : explainFailure(error, location, 'open')
  }
}

/**
 * Reads the file, if there is one.
 * @throws CheckpointError, and errors of `check`
 */
async function find(
  location: string,
  target: Target,
  fs: CheckpointFs,
  { check }: CheckpointOptions,
): Promise<History | undefined> {
  const bytes = await readWhole(fs, location)
  const history = bytes === undefined ? undefined : readHistory(bytes, target, location)
  check?.(history?.state ?? stateAfter(undefined))
  return history
}

async function read(
  location: string,
  target: Target,
  fs: CheckpointFs,
  lock: Lock,
  options: CheckpointOptions,
): Promise<Checkpoint> {
  const file = new DurableFile(fs, location, lock.token)
  const own = { location, target, file, lock, longFile: options.longFile ?? LONG_FILE }
  const confirm = () => checkOwner(location, lock)
  await file.removeDrafts(confirm)
  const history = await find(location, target, fs, options)
  const id = history?.header.id ?? NO_FILE
  if ((options.token ?? id) !== id)
    throw await lost(location, lock, 'since this process closed it, it was opened again or removed')
  if (history === undefined) return new FileCheckpoint(own, stateAfter(undefined), undefined, false)
  // These bytes may not be durable. If the earlier owner was killed before its fdatasync, or the fdatasync failed, the page
  // cache has bytes that the disk lacks. A copy is durable and has no incomplete record. An earlier owner that still has the
  // old file open cannot write to the copy.
  const copy = copyHistory(history)
  try {
    await file.replace(copy.bytes, confirm)
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
  return new FileCheckpoint(own, history.state, copy, history.isOld)
}

/** What an open checkpoint uses. */
interface Own {
  readonly location: string
  readonly target: Target
  readonly file: DurableFile
  readonly lock: Lock
  readonly longFile: number
}

class FileCheckpoint implements Checkpoint {
  readonly #own: Own
  #state: EpochState
  #id: string
  #checksum: string
  /** As in {@link History}. */
  #isOld: boolean
  /** Set once nothing more can be recorded: the reason why. */
  #end: CheckpointError | undefined
  #isClosed = false
  #turn: Promise<void> = Promise.resolve()

  /** @param file undefined before the first seal */
  constructor(own: Own, state: EpochState, file: NewFile | undefined, isOld: boolean) {
    this.#isOld = isOld
    this.#own = own
    this.#state = state
    this.#id = file?.id ?? NO_FILE
    this.#checksum = file?.checksum ?? ''
  }

  /** The id of the file. Only its owner appends to a file, and the next owner begins another one. */
  get token(): string {
    return this.#id
  }

  get state(): EpochState {
    return this.#state
  }

  seal(given: Seal): Promise<void> {
    return this.#step(async () => {
      const sealed = exactSeal(given)
      await this.#record(seal(this.#state, sealed), { seal: sealed })
    })
  }

  reseal({ timestamp, last_timestamp }: TimestampSpan): Promise<void> {
    const span = { timestamp, last_timestamp }
    return this.#step(() => this.#record(reseal(this.#state, span), { reseal: span }))
  }

  commit(): Promise<void> {
    return this.#step(async () => {
      const next = commit(this.#state)
      await this.#record(next, { commit: { epoch_id: next.committed.epoch_id } })
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed) return
      this.#isClosed = true
      this.#end ??= new CheckpointError(
        'ERR_CASSANDRA_CHECKPOINT_IO',
        `Checkpoint ${this.#own.location} is closed`,
        { location: this.#own.location },
      )
      try {
        await this.#own.file.close()
      } finally {
        await this.#own.lock.release()
      }
    })
  }

  /** After a failure a step is refused for that reason, and not because it does not follow from a step that was not recorded. */
  #step(action: () => Promise<void>): Promise<void> {
    return this.#inTurn(() => {
      if (this.#end !== undefined) throw this.#end
      return action()
    })
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(action).catch(error => {
      throw explainFailure(error, this.#own.location, 'write')
    })
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Nothing is retried after a failure: a second fsync may succeed although the first one lost the bytes. */
  async #record(next: EpochState, event: Event): Promise<void> {
    try {
      await this.#checkOwner()
      this.#checksum = await this.#write(next, event)
      // This process may have been paused for any time between the check and the write.
      await this.#checkOwner()
      this.#state = next
    } catch (error) {
      const { location, lock } = this.#own
      this.#end = explainFailure(await asLost(error, location, lock), location, 'write')
      throw this.#end
    }
  }

  async #write(state: EpochState, event: Event): Promise<string> {
    const { committed, sealed, next } = state
    const { file, target, longFile } = this.#own
    const line = encodeRecord(this.#checksum, event)
    const isLong = file.length === 0 || file.length + line.bytes.length > longFile
    // A new file cannot begin with seals whose timestamps do not rise: `readHistory` would refuse it.
    if (sealed === undefined || !(isLong || this.#isOld) || !isInOrder(state)) {
      await file.append(line.bytes)
      return line.checksum
    }
    const seals = next === undefined ? [sealed] : [sealed, next]
    const begun = beginHistory(target, committed, seals)
    await file.replace(begun.bytes, () => this.#checkOwner())
    this.#id = begun.id
    this.#isOld = false
    return begun.checksum
  }

  async #checkOwner(): Promise<void> {
    const { location, lock, file } = this.#own
    const inPlace = file.isInPlace()
    // Both checks run at once. This handler keeps an early error of `inPlace` from being reported as unhandled.
    inPlace.catch(() => {})
    await checkOwner(location, lock)
    if (!(await inPlace))
      throw await lost(location, lock, 'another process changed, moved or removed its file')
  }
}

async function checkOwner(location: string, lock: Lock): Promise<void> {
  if (!(await lock.isHeld())) throw await lost(location, lock)
}

/** A process that takes over removes files of the previous owner, whose calls then fail. Reports the takeover instead. */
async function asLost(error: unknown, location: string, lock: Lock): Promise<unknown> {
  const isHeld = error instanceof CassandraStreamsError || (await lock.isHeld().catch(() => true))
  return isHeld ? error : await lost(location, lock)
}

async function lost(
  location: string,
  lock: Lock,
  why = 'its lock was removed or replaced',
): Promise<CheckpointError> {
  const isHeld = await lock.isHeld()
  const successor = isHeld ? undefined : await lock.nameOfSuccessor()
  const reason = successor === undefined ? why : `${successor} took it over`
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_LOCKED',
    `Checkpoint ${location} can no longer be used here: ${reason}. Nothing more is recorded in it`,
    { location },
  )
}
