import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { CheckpointError } from '../../errors.ts'
import { hasShape, isText, type Shape } from '../../json.ts'
import {
  type Commit,
  commit,
  type EpochState,
  isCommit,
  isSeal,
  isSpan,
  reseal,
  type Seal,
  seal,
  stateAfter,
  type TimestampSpan,
} from '../epoch.ts'
import { checkTarget, isTarget, type Target } from '../target.ts'
import { checksumOf, Damage, encodeRecord, type RecordAt, readRecords } from './record.ts'

/*
 * The first line has the version, so any release can tell whether it can read the rest. The first record is the header. The
 * second is always a seal, because a file is created together with its first seal. A file that ends before that is damaged.
 * In version 1 only one epoch is sealed at a time.
 */

const VERSION = 2
const firstLineOf = (version: number) => Buffer.from(`cassandra-streams checkpoint ${version}\n`)

interface Header {
  /** Random, so that a record of one file never fits into another. Each opening writes a new file. */
  readonly id: string
  readonly target: Target
  /** The last commit before the file was created. */
  readonly committed: Commit | null
}

const headerShape: Shape<Header> = {
  id: isText,
  target: isTarget,
  committed: value => value === null || isCommit(value),
}

/** A decoded file. */
export interface History {
  readonly state: EpochState
  readonly header: Header
  /** The records after the header, without an append that a crash cut short. */
  readonly events: readonly RecordAt[]
  readonly version: number
  /** True for version 1. A new file is then started with the next seal, since version 1 cannot have two sealed epochs. */
  readonly isOld: boolean
}

/** A new file. */
export interface NewFile {
  readonly id: string
  readonly bytes: Buffer
  /** Checksum of the last record. */
  readonly checksum: string
}

/** A change of the state, as it is recorded. */
export type Event =
  | { readonly seal: Seal }
  | { readonly reseal: TimestampSpan }
  | { readonly commit: { readonly epoch_id: number } }

/** A new file that starts at `committed` and has these seals. */
export function beginHistory(target: Target, committed: Commit | undefined, seals: readonly Seal[]): NewFile {
  const { cluster, keyspace, table, table_id } = target
  const header = { target: { cluster, keyspace, table, table_id }, committed: committed ?? null }
  return newFile(
    VERSION,
    header,
    seals.map(seal => ({ seal }) satisfies Event),
  )
}

/** A new file with the same records, except for the id. */
export function copyHistory({ version, header, events }: History): NewFile {
  return newFile(
    version,
    header,
    events.map(({ body }) => body as object),
  )
}

function newFile(
  version: number,
  { target, committed }: Omit<Header, 'id'>,
  events: readonly object[],
): NewFile {
  const line = firstLineOf(version)
  const id = randomUUID()
  const header: Header = { id, target, committed }
  const parts: Buffer[] = [line]
  let checksum = checksumOf(line)
  for (const body of [{ header }, ...events]) {
    const record = encodeRecord(checksum, body)
    parts.push(record.bytes)
    checksum = record.checksum
  }
  return { id, bytes: Buffer.concat(parts), checksum }
}

/**
 * Decodes a file.
 * @throws CheckpointError `…_CORRUPT` with the offset of the first bad record, `…_VERSION`, or `…_TARGET`.
 */
export function readHistory(bytes: Buffer, target: Target, location: string): History {
  const version = versionOf(bytes, location)
  const line = firstLineOf(version)
  try {
    const { records, end } = readRecords(bytes, line.length, checksumOf(line))
    const [first, ...events] = records
    if (first === undefined || events.length === 0)
      throw new Damage(end, 'the file ends before its first epoch')
    const header = readHeader(first)
    checkTarget(header.target, target, location, 'file')
    const state = events.reduce(follow, stateAfter(header.committed ?? undefined))
    return { state, header, events, version, isOld: version < VERSION }
  } catch (error) {
    if (!(error instanceof Damage)) throw error
    throw corrupt(location, error.offset, error.message)
  }
}

/** The state after an event. */
function follow(state: EpochState, { offset, body }: RecordAt): EpochState {
  try {
    const [[kind, value] = [], ...rest] = Object.entries(body ?? {})
    if (rest.length === 0 && kind === 'seal' && isSeal(value)) return seal(state, value)
    if (rest.length === 0 && kind === 'reseal' && isSpan(value)) return reseal(state, value)
    if (rest.length === 0 && kind === 'commit' && value?.epoch_id === state.sealed?.epoch_id)
      return commit(state)
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    throw new Damage(offset, error.message)
  }
  throw new Damage(offset, 'this record cannot follow the one before it')
}

function readHeader({ offset, body }: RecordAt): Header {
  const header: unknown = Object.entries(body ?? {}).find(([kind]) => kind === 'header')?.[1]
  if (!hasShape(headerShape, header))
    throw new Damage(offset, 'the first record is not the header of a checkpoint')
  return header
}

function versionOf(bytes: Buffer, location: string): number {
  const version = /^cassandra-streams checkpoint ([1-9]\d{0,8})\n/.exec(bytes.toString('latin1', 0, 64))?.[1]
  if (version === undefined) throw corrupt(location, 0, 'the file does not begin like a checkpoint')
  if (Number(version) <= VERSION) return Number(version)
  throw new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_VERSION',
    `Checkpoint ${location} has format version ${version}, but this release reads versions up to ${VERSION}. ` +
      'Use the release that wrote the checkpoint, or a newer one',
    { location },
  )
}

function corrupt(location: string, offset: number, reason: string): CheckpointError {
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_CORRUPT',
    `Checkpoint ${location} is damaged at byte ${offset}: ${reason}. Restore the file, or remove it and start from the beginning`,
    { location, offset },
  )
}
