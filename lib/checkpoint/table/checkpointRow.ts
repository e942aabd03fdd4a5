import { createHash } from 'node:crypto'
import { CheckpointError } from '../../errors.ts'
import { isCount, isText } from '../../json.ts'
import { type Commit, type EpochState, isCommit, isSeal, type Seal, stateFrom } from '../epoch.ts'
import { isTarget, type Target } from '../target.ts'
import type { RowColumns } from './columns.ts'
import type { FoundColumns } from './serialRow.ts'

/** Format version. A release reads rows of its own version and of earlier ones. */
const VERSION = 1

/** The part of a row that stays when the owner changes. */
export interface Kept {
  /** Serial level of the row's transactions. */
  readonly serial: string
  readonly target: Target
  readonly state: EpochState
}

/** The owner of a row, and the row's last change. */
export interface Ownership {
  readonly term: number
  readonly owner: string
  readonly write_id: string
}

/** A decoded row. */
export interface CheckpointRow extends Kept, Ownership {}

/** The values to bind for a row. */
export function columnsOf(
  name: string,
  { term, owner, write_id, serial, target, state }: CheckpointRow,
): RowColumns {
  const { cluster, keyspace, table, table_id } = target
  const { committed, sealed, next } = state
  const kept = {
    version: VERSION,
    serial,
    target: JSON.stringify({ cluster, keyspace, table, table_id }),
    committed: textOf(committed),
    sealed: textOf(sealed),
    next: textOf(next),
  }
  return { ...kept, term, owner, write_id, checksum: checksumOf(name, kept) }
}

/**
 * Decodes a row.
 * @throws CheckpointError `…_VERSION` for a row of a newer release, `…_CORRUPT` for a row that differs from what was written
 */
export function readRow(name: string, row: FoundColumns, location: string): CheckpointRow {
  const { version, term, owner, write_id, serial, checksum } = row
  if (isCount(version) && version > VERSION) throw newer(version, location)
  if (checksum !== checksumOf(name, row)) throw corrupt(location, 'its checksum does not match')
  if (!isCount(term) || term === 0) throw corrupt(location, 'its column `term` is not a number above 0')
  if (write_id === null || write_id === undefined) throw corrupt(location, 'its column `write_id` is null')
  const target = jsonIn(row, 'target', location)
  const committed = jsonIn(row, 'committed', location) ?? undefined
  const sealed = jsonIn(row, 'sealed', location) ?? undefined
  const next = jsonIn(row, 'next', location) ?? undefined
  if (!isText(serial) || !isTarget(target))
    throw corrupt(location, 'its column `serial` or `target` is not well-formed')
  if (!(isCommitOrNone(committed) && isSealOrNone(sealed) && isSealOrNone(next)))
    throw corrupt(location, 'its epochs are not well-formed')
  try {
    const state = stateFrom(committed, sealed, next)
    return { term, owner: String(owner), write_id: String(write_id), serial, target, state }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    throw corrupt(location, error.message)
  }
}

const isCommitOrNone = (value: unknown): value is Commit | undefined => value === undefined || isCommit(value)
const isSealOrNone = (value: unknown): value is Seal | undefined => value === undefined || isSeal(value)

const textOf = (part: Commit | Seal | undefined) => (part === undefined ? null : JSON.stringify(part))

/** Covers the name too, so a row that was copied to another name counts as damaged. */
function checksumOf(name: string, row: FoundColumns): string {
  const { version, serial, target, committed, sealed, next } = row
  const covered = JSON.stringify([name, version, serial, target, committed, sealed, next])
  return createHash('sha256').update(covered).digest('hex').slice(0, 32)
}

function jsonIn(row: FoundColumns, column: string, location: string): unknown {
  const text = row[column]
  if (text === null) return null
  try {
    return JSON.parse(String(text))
  } catch {
    throw corrupt(location, `its column \`${column}\` is not JSON`)
  }
}

function newer(version: number, location: string): CheckpointError {
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_VERSION',
    `Checkpoint ${location} has format version ${version}, but this release reads versions up to ${VERSION}. ` +
      'Use the release that wrote the checkpoint, or a newer one',
    { location },
  )
}

function corrupt(location: string, reason: string): CheckpointError {
  return new CheckpointError(
    'ERR_CASSANDRA_CHECKPOINT_CORRUPT',
    `Checkpoint ${location} is damaged: ${reason}. Something other than this package changed the row. Restore it, or remove ` +
      'it and start from the beginning',
    { location },
  )
}
